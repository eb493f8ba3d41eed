import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose'
import type { KeyWrapping } from '../keys/key_wrapping.ts'
import { MAX_LEEWAY, type SigningAlg } from '../options.ts'
import { LateError, SharedWork } from '../shared_work.ts'
import { DatabaseUnavailable } from '../storage/database.ts'
import type { SigningKeyRow, SigningKeyStorage } from '../storage/signing_keys.ts'

/** A key pair, or the one key of HS256, ready for use. */
export interface SigningKey {
  kid: string
  alg: SigningAlg
  signingKey: KeyObject
  verificationKey: KeyObject
}

/** A JWK Set (RFC 7517 §5). */
export interface PublishedKeys {
  readonly keys: readonly JWK[]
}

/** The server's signing keys. They rotate by themselves; nodes learn of each other's within a minute. */
export interface SigningKeys {
  /** The key that signs now. A promise where the keys are to be read again. */
  current(alg: SigningAlg): SigningKey | Promise<SigningKey>
  /** The key of a token's header, if it is ours and still published. A promise where the keys are to be read again. */
  find(kid: string): SigningKey | undefined | Promise<SigningKey | undefined>
  /**
   * The public keys: those that sign, those that will, and those whose last token has not expired (RFC 7517 §5). A promise where
   * they are to be read again.
   */
  jwks(): PublishedKeys | Promise<PublishedKeys>
  /** Since the key that signs now began to, by algorithm, in seconds. */
  ages(): ReadonlyMap<SigningAlg, number>
  /** Adds the successor of every key that is due. */
  rotateDueKeys(): Promise<void>
  /** Adds successors now, whatever their age. Each signs after `publishAhead` seconds. */
  rotateAll(publishAhead?: number): Promise<void>
}

export interface SigningKeysOptions {
  storage: SigningKeyStorage
  wrapping: KeyWrapping
  /** The algorithms in use: that of access tokens, and those that clients may register for id_tokens. */
  algs: readonly SigningAlg[]
  /** The longest life of a token that a key signs, in seconds. */
  maxTokenTtl: number
  now: () => number
}

const SECOND = 1000
const DAY = 86_400 * SECOND
/** How long a key signs. */
const SIGNS_FOR = 90 * DAY
/** How long a key is published before it signs, so that every cache of the key set holds it by then. */
const PUBLISHED_AHEAD = DAY
const RELOAD_AFTER = 60 * SECOND
/** An unknown `kid` is looked for at most this often, so that rubbish cannot load the database. */
const RELOAD_UNKNOWN_AFTER = 5 * SECOND
/** How long a request waits for the keys; the database gives up earlier. */
const MAX_LOAD = 10 * SECOND

interface LoadedKey extends SigningKey {
  row: SigningKeyRow
}

/** Loads the keys and makes those that are missing. Rejects where the server secret does not unwrap them. */
export async function loadSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const ring = new KeyRing(options)
  await ring.load()
  await ring.addMissing()
  return ring
}

class KeyRing implements SigningKeys {
  readonly #options: SigningKeysOptions
  #keys: readonly LoadedKey[] = []
  /** The same object as long as nothing has changed, so that the document that is made of it can be kept. */
  #published: PublishedKeys = { keys: [] }
  #triedAt = Number.NEGATIVE_INFINITY
  readonly #loading = new SharedWork<void>(MAX_LOAD)
  #failure: { cause: unknown } | undefined

  constructor(options: SigningKeysOptions) {
    this.#options = options
  }

  current(alg: SigningAlg): SigningKey | Promise<SigningKey> {
    const known = this.#isOlderThan(RELOAD_AFTER) ? undefined : this.#findSigning(alg)
    return known ?? this.#readSigning(alg)
  }

  async #readSigning(alg: SigningAlg): Promise<SigningKey> {
    await this.#reloadAfter(RELOAD_AFTER)
    const key = this.#findSigning(alg)
    if (key === undefined) throw new Error(`There is no signing key for ${alg}.`)
    return key
  }

  find(kid: string): SigningKey | Promise<SigningKey | undefined> {
    const known = this.#isOlderThan(RELOAD_AFTER) ? undefined : this.#findKnown(kid)
    return known ?? this.#findCurrent(kid)
  }

  async #findCurrent(kid: string): Promise<SigningKey | undefined> {
    await this.#reloadAfter(RELOAD_AFTER)
    if (this.#findKnown(kid) === undefined)
      await (this.#loading.isRunning ? this.#reload() : this.#reloadAfter(RELOAD_UNKNOWN_AFTER))
    const key = this.#findKnown(kid)
    // It may be a new key of another node: that it is not ours cannot be told now.
    if (key === undefined && this.#failure !== undefined) throw this.#failure.cause
    return key
  }

  jwks(): PublishedKeys | Promise<PublishedKeys> {
    return this.#isOlderThan(RELOAD_AFTER) ? this.#reload().then(() => this.#published) : this.#published
  }

  ages(): ReadonlyMap<SigningAlg, number> {
    const now = this.#options.now()
    const signing = this.#options.algs.flatMap((alg) => this.#findSigning(alg) ?? [])
    return new Map(signing.map(({ alg, row }) => [alg, (now - row.activates_at.getTime()) / SECOND]))
  }

  rotateDueKeys(): Promise<void> {
    const soon = this.#options.now() + PUBLISHED_AHEAD
    return this.#addSuccessors(({ row }) => row.activates_at.getTime() + SIGNS_FOR <= soon, PUBLISHED_AHEAD)
  }

  rotateAll(publishAhead = PUBLISHED_AHEAD / SECOND): Promise<void> {
    return this.#addSuccessors(() => true, publishAhead * SECOND)
  }

  /** Reads the keys, and wraps anew what an older secret wrapped. */
  async load(): Promise<void> {
    const { storage, wrapping, now } = this.#options
    this.#triedAt = now()
    const rows = await storage.listSigningKeys(new Date(this.#triedAt))
    const keys = rows.map((row) => this.#findSame(row) ?? importKey(row, wrapping))
    if (keys.length !== this.#keys.length || keys.some((key, index) => key !== this.#keys[index]))
      this.#published = {
        keys: rows.flatMap(({ public_jwk }) => (public_jwk === null ? [] : [public_jwk as JWK])),
      }
    this.#keys = keys
    for (const { kid, row } of this.#keys) {
      if (wrapping.isCurrent(row.wrapped_key)) continue
      await storage.rewrapSigningKey(kid, wrapping.wrap(wrapping.unwrap(row.wrapped_key, kid), kid))
    }
  }

  /** Makes the first key of each algorithm that has none. */
  async addMissing(): Promise<void> {
    const { storage, wrapping, now, algs } = this.#options
    for (const alg of algs.filter((alg) => !this.#keys.some((key) => key.alg === alg))) {
      const moment = new Date(now())
      await storage.addSigningKey(await generateKey(alg, wrapping, moment), undefined, moment)
    }
    await this.load()
  }

  async #addSuccessors(isDue: (key: LoadedKey) => boolean, publishAhead: number): Promise<void> {
    const { storage, wrapping, now, maxTokenTtl } = this.#options
    await this.load()
    for (const key of this.#keys.filter((key) => key.row.deactivates_at === null && isDue(key))) {
      const activatesAt = new Date(now() + publishAhead)
      const expiresAt = new Date(activatesAt.getTime() + (maxTokenTtl + MAX_LEEWAY) * SECOND)
      const successor = await generateKey(key.alg, wrapping, activatesAt)
      await storage.addSigningKey(successor, { kid: key.kid, expiresAt }, new Date(now()))
    }
    await this.load()
  }

  /** While the database is away the node goes on with the keys that it has; they are published long before they sign. */
  async #reloadAfter(age: number): Promise<void> {
    if (this.#isOlderThan(age)) await this.#reload()
  }

  #isOlderThan(age: number): boolean {
    const elapsed = this.#options.now() - this.#triedAt
    return elapsed < 0 || elapsed >= age
  }

  async #reload(): Promise<void> {
    try {
      await this.#loading.run(() => this.load())
      this.#failure = undefined
    } catch (cause) {
      this.#failure = { cause: cause instanceof LateError ? new DatabaseUnavailable({ cause }) : cause }
    }
  }

  /** The newest of those that have become active. */
  #findSigning(alg: SigningAlg): LoadedKey | undefined {
    const now = this.#options.now()
    return this.#keys.find(
      ({ row }) => row.alg === alg && row.activates_at.getTime() <= now && !wasOvertaken(row),
    )
  }

  #findKnown(kid: string): LoadedKey | undefined {
    const now = this.#options.now()
    return this.#keys.find((key) => key.kid === kid && (key.row.expires_at?.getTime() ?? Infinity) > now)
  }

  #findSame(row: SigningKeyRow): LoadedKey | undefined {
    return this.#keys.find((key) => isSameKey(key.row, row))
  }
}

/** Whether a key got a successor that signs before it would have: then it never signs, and is not published for long. */
function wasOvertaken({ activates_at, deactivates_at }: SigningKeyRow): boolean {
  return deactivates_at !== null && deactivates_at.getTime() <= activates_at.getTime()
}

function isSameKey(a: SigningKeyRow, b: SigningKeyRow): boolean {
  return (
    a.kid === b.kid &&
    a.wrapped_key.equals(b.wrapped_key) &&
    a.deactivates_at?.getTime() === b.deactivates_at?.getTime() &&
    a.expires_at?.getTime() === b.expires_at?.getTime()
  )
}

async function generateKey(
  alg: SigningAlg,
  wrapping: KeyWrapping,
  activatesAt: Date,
): Promise<SigningKeyRow> {
  const row = { alg, activates_at: activatesAt, deactivates_at: null, expires_at: null }
  if (alg === 'HS256') {
    const kid = randomBytes(16).toString('base64url')
    return { ...row, kid, public_jwk: null, wrapped_key: wrapping.wrap(randomBytes(32), kid) }
  }
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const wrapped_key = wrapping.wrap(Buffer.from(await exportPKCS8(privateKey)), kid)
  return { ...row, kid, public_jwk: { ...jwk, kid, alg, use: 'sig' }, wrapped_key }
}

function importKey(row: SigningKeyRow, wrapping: KeyWrapping): LoadedKey {
  const { kid, alg } = row
  const key = wrapping.unwrap(row.wrapped_key, kid)
  if (row.public_jwk === null) {
    const secret = createSecretKey(key)
    return { kid, alg, row, signingKey: secret, verificationKey: secret }
  }
  const verificationKey = createPublicKey({ key: row.public_jwk as JWK, format: 'jwk' })
  return { kid, alg, row, signingKey: createPrivateKey(key), verificationKey }
}
