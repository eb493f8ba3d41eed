import type { VerifiedClaims } from './auth.ts'
import { BoundedMap } from './bounded_map.ts'
import { parseHeader, verifyPayload } from './compact_jws.ts'
import type { DenialFeed } from './denial_feed.ts'
import { AuthAgentError } from './errors.ts'
import { freezeDeeply } from './freeze.ts'
import type { Introspection } from './introspection.ts'
import type { KeySet } from './key_set.ts'
import type { Platform } from './platform.ts'
import { isAlgorithm } from './signature_algorithms.ts'
import { checkClaims, checkExpiry, checkTokenClaims, type Expected } from './token_claims.ts'

const REMEMBERED_TOKENS = 10_000
/** Tokens of one key begin alike. */
const REMEMBERED_HEADERS = 100
/** RFC 9068 §2.1. */
const TYPES = ['at+jwt', 'application/at+jwt']

/** Checks the signature here (RFC 9068 §4), and asks only where too little is known of revocations. */
export class LocalValidation {
  readonly #keys: KeySet
  readonly #feed: DenialFeed
  readonly #introspection: Introspection
  readonly #platform: Platform
  /** Milliseconds. */
  readonly #maxStaleness: number
  /** By the token itself: to find a known one by a digest would take longer than all else that is done for it. */
  readonly #verified = new BoundedMap<string, VerifiedClaims>(REMEMBERED_TOKENS)
  readonly #headers = new BoundedMap<string, TokenHeader>(REMEMBERED_HEADERS)
  #keysVersion = 0

  constructor(
    parts: { keys: KeySet; feed: DenialFeed; introspection: Introspection; platform: Platform },
    maxStaleness: number,
  ) {
    this.#keys = parts.keys
    this.#feed = parts.feed
    this.#introspection = parts.introspection
    this.#platform = parts.platform
    this.#maxStaleness = maxStaleness * 1000
  }

  /**
   * The claims of a token that is good now.
   *
   * @throws AuthAgentError `invalid_token`, `temporarily_unavailable`
   */
  async verify(token: string, expected: Expected): Promise<VerifiedClaims> {
    await this.#keys.refresh()
    const claims = this.#findVerified(token) ?? (await this.#verifySignature(token, expected))
    checkExpiry(claims.exp, this.#platform.now() / 1000)
    await this.#feed.follow()
    if (this.#feed.age > this.#maxStaleness) await this.#feed.waitForSnapshot()
    if (this.#feed.age > this.#maxStaleness) await this.#introspection.ask(token, expected)
    // A denial that was heard of stays one, however long ago that was.
    if (this.#feed.isDenied(claims)) throw invalid('The access token was revoked. Authorize again.')
    return claims
  }

  /** The claims of a token that is known to be good now, if nothing has to be asked for that. */
  recall(token: string): VerifiedClaims | undefined {
    const moment = this.#platform.elapsed()
    if (!this.#keys.areFresh(moment) || !this.#feed.isFollowed(moment)) return undefined
    if (this.#feed.ageAt(moment) > this.#maxStaleness) return undefined
    const claims = this.#findVerified(token)
    if (claims === undefined || claims.exp <= this.#platform.now() / 1000) return undefined
    return this.#feed.isDenied(claims) ? undefined : claims
  }

  #findVerified(token: string): VerifiedClaims | undefined {
    if (this.#keysVersion !== this.#keys.version) {
      this.#keysVersion = this.#keys.version
      this.#verified.clear()
    }
    return this.#verified.get(token)
  }

  async #verifySignature(token: string, expected: Expected): Promise<VerifiedClaims> {
    const encodedHeader = token.slice(0, token.indexOf('.'))
    // What a header says that was verified before, letter for letter, it says again.
    const header = this.#headers.get(encodedHeader) ?? checkHeader(token)
    const { kid, alg } = header
    const { version } = this.#keys
    const key = await this.#keys.find(kid, alg)
    const payload = await verifyPayload(token, key, alg)
    if (payload === undefined) throw invalid('The signature of the access token is wrong.')
    this.#headers.set(encodedHeader, header)
    const now = this.#platform.now() / 1000
    const claims = freezeDeeply(checkClaims(payload, expected, now))
    checkTokenClaims(claims, now)
    if (version === this.#keys.version) this.#remember(token, claims)
    return claims
  }

  #remember(token: string, claims: VerifiedClaims): void {
    this.#findVerified(token)
    this.#verified.set(token, claims)
  }
}

interface TokenHeader {
  kid: string
  alg: string
}

function checkHeader(token: string): TokenHeader {
  const header = parseHeader(token)
  if (header === undefined) throw invalid('The access token is no signed JWT.')
  const { typ, alg, kid, crit } = header
  if (typeof typ !== 'string' || !TYPES.includes(typ.toLowerCase())) throw invalid('This is no access token.')
  if (!isAlgorithm(alg))
    throw invalid('The access token is signed with an algorithm that is not accepted here.')
  if (typeof kid !== 'string') throw invalid('The access token does not name its key.')
  if (crit !== undefined) throw invalid('The access token asks for an extension that is not known here.')
  return { kid, alg }
}

function invalid(description: string): AuthAgentError {
  return new AuthAgentError('invalid_token', description)
}
