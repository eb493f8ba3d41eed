import { importJWK } from 'jose'
import type { AuthAgentClient } from './auth_agent_client.ts'
import { AuthAgentError, reasonOf, UnavailableError } from './errors.ts'
import { isObject, type JsonObject } from './json_request.ts'
import { Outage } from './outage.ts'
import type { Platform } from './platform.ts'
import { findSuitableJwk } from './signature_algorithms.ts'

/** Milliseconds, all of these. */
const SHORTEST_AGE = 60_000
const LONGEST_AGE = 86_400_000
const DEFAULT_AGE = 300_000
const UNKNOWN_KID_PAUSE = 60_000
const RETRY_PAUSE = 1_000

/** The authorization server's public keys (RFC 7517), kept as long as it says. */
export class KeySet {
  readonly #client: AuthAgentClient
  readonly #platform: Platform
  readonly #outage: Outage
  #keys: readonly JsonObject[] = []
  #text = ''
  #version = 0
  #imported = new Map<string, CryptoKey>()
  #freshUntil = Number.NEGATIVE_INFINITY
  /** When the last attempt ended. */
  #attemptedAt = Number.NEGATIVE_INFINITY
  #askedForUnknownAt = Number.NEGATIVE_INFINITY
  #hasFailed = false
  #fetching: Promise<void> | undefined

  constructor(client: AuthAgentClient, platform: Platform) {
    this.#client = client
    this.#platform = platform
    this.#outage = new Outage(platform)
  }

  /** Changes when a key set arrives that differs. */
  get version(): number {
    return this.#version
  }

  /**
   * The key that a token's header names.
   *
   * @throws AuthAgentError `invalid_token` where there is none, `temporarily_unavailable` where that cannot be told
   */
  async find(kid: string, alg: string): Promise<CryptoKey> {
    await this.refresh()
    // What is under way may bring it.
    if (!this.#has(kid)) await this.#fetching
    if (!this.#has(kid)) await this.#fetchForUnknown()
    if (this.#keys.length === 0) throw unavailable('The keys of the authorization server are not known yet.')
    if (!this.#has(kid)) {
      if (this.#hasFailed) throw unavailable('The authorization server cannot be asked for its new keys.')
      throw new AuthAgentError('invalid_token', 'The access token was signed with a key that does not exist.')
    }
    return this.#import(kid, alg)
  }

  /** Whether there is nothing to fetch at this moment of `elapsed`. */
  areFresh(moment: number): boolean {
    return moment < this.#freshUntil
  }

  /** Fetches what is too old. Waits for keys only where there are none, or where nothing goes on after the answer. */
  async refresh(): Promise<void> {
    const now = this.#platform.elapsed()
    if (this.areFresh(now) || now - this.#attemptedAt < RETRY_PAUSE) return
    const fetching = this.#fetch()
    if (this.#keys.length === 0 || !this.#platform.outlivesRequests) await fetching
  }

  #has(kid: string): boolean {
    return this.#keys.some((key) => key['kid'] === kid)
  }

  async #fetchForUnknown(): Promise<void> {
    const now = this.#platform.elapsed()
    // What was fetched just now, for whatever reason, is as new as can be.
    if (now - this.#attemptedAt < RETRY_PAUSE || now - this.#askedForUnknownAt < UNKNOWN_KID_PAUSE) return
    this.#askedForUnknownAt = now
    await this.#fetch()
  }

  /** Never rejects. */
  async #fetch(): Promise<void> {
    if (!this.#platform.outlivesRequests) return this.#fetchNow()
    this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetchNow(): Promise<void> {
    const startedAt = this.#platform.elapsed()
    // Until it is known otherwise, for who may not wait for it.
    this.#hasFailed = true
    try {
      const { status, headers, body } = await this.#client.getKeys()
      if (status !== 200 || !isObject(body) || !Array.isArray(body['keys']))
        throw new UnavailableError(`answered ${status}, with something that is no key set`, { status })
      this.#keep(body['keys'].filter((key) => isObject(key) && typeof key['kid'] === 'string'))
      const age = this.#keys.length === 0 ? 0 : maxAge(headers.get('Cache-Control') ?? '')
      this.#freshUntil = startedAt + age
      this.#hasFailed = false
      this.#outage.end('the keys that access tokens are signed with can be read again')
    } catch (error) {
      this.#outage.fail(
        `the keys that access tokens are signed with cannot be read: ${this.#client.authServer} ${reasonOf(error)}`,
      )
    }
    this.#attemptedAt = this.#platform.elapsed()
  }

  #keep(keys: readonly JsonObject[]): void {
    const text = JSON.stringify(keys)
    if (text === this.#text) return
    this.#text = text
    this.#keys = keys
    this.#imported = new Map()
    this.#version += 1
  }

  async #import(kid: string, alg: string): Promise<CryptoKey> {
    const imported = this.#imported
    const known = imported.get(`${alg} ${kid}`)
    if (known !== undefined) return known
    const jwk = findSuitableJwk(
      this.#keys.filter((key) => key['kid'] === kid),
      alg,
    )
    const key = jwk && (await importJWK(jwk, alg).catch(() => undefined))
    if (key === undefined || key instanceof Uint8Array) {
      throw new AuthAgentError('invalid_token', 'The key of the access token does not suit its algorithm.')
    }
    imported.set(`${alg} ${kid}`, key)
    return key
  }
}

/** RFC 9111 §5.2.2.1, in milliseconds. */
function maxAge(cacheControl: string): number {
  const seconds = /(?:^|[\s,])max-age="?(\d{1,10})/i.exec(cacheControl)?.[1]
  if (seconds === undefined) return DEFAULT_AGE
  return Math.min(Math.max(Number(seconds) * 1000, SHORTEST_AGE), LONGEST_AGE)
}

function unavailable(description: string): AuthAgentError {
  return new AuthAgentError('temporarily_unavailable', `${description} Try again in a few seconds.`)
}
