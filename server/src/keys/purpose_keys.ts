import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Logger } from '../log.ts'
import { LateError, SharedWork } from '../shared_work.ts'
import { DatabaseUnavailable } from '../storage/database.ts'
import type { PurposeKeyStorage, StoredPurposeKey } from '../storage/purpose_keys.ts'
import { createHmacKey, type HmacKey } from './hmac.ts'
import type { KeyWrapping } from './key_wrapping.ts'

/**
 * What a key is for. `digest` finds stored secrets (API keys, client secrets, session ids, codes);
 * `refresh_token`, `client_id` and `client_secret` seal what the server gives out and does not store; `browser` binds
 * forms and e-mail codes to one browser, and consent pages to one session.
 */
export const PURPOSES = ['digest', 'refresh_token', 'client_id', 'client_secret', 'browser'] as const
export type Purpose = (typeof PURPOSES)[number]

/**
 * The keyed digests of the server. Keys are random, live in the database, and are wrapped by the server secret. A new
 * version counts wherever it is known, and is used a day later, when every node knows it.
 *
 * The first three throw a {@link DatabaseUnavailable} where the keys were not read for so long that another node may
 * use one that is not known here: who cannot tell, refuses.
 */
export interface PurposeKeys {
  /** HMAC-SHA-256 of `message` under the version of a purpose's key that is in use. */
  mac(purpose: Purpose, message: string): Buffer
  /** The same under every version, the one in use first: by one of them it was stored. */
  macs(purpose: Purpose, message: string): Buffer[]
  /** Whether `mac` is that of `message` under any version, compared in constant time. */
  isMac(purpose: Purpose, message: string, mac: Uint8Array): boolean
  /**
   * Has the keys read again, behind the back of requests, where that was a minute ago.
   *
   * @returns what who needs keys waits for, where nobody asked for them for longer; it never rejects
   */
  keepCurrent(): Promise<void> | undefined
  /** Adds a version, which is used in a day or at once. */
  rotate(purpose: Purpose, when: 'in a day' | 'immediately'): Promise<void>
  /** Deletes the versions before the one in use. Rejects with a sentence for the operator where there is none. */
  withdrawFormer(purpose: Purpose): Promise<void>
}

export interface PurposeKeysOptions {
  storage: PurposeKeyStorage
  wrapping: KeyWrapping
  log: Logger
  /** Lets work go on that no answer waits for. */
  waitUntil: (work: Promise<void>) => void
  now: () => number
}

const SECOND = 1000
const HOUR = 3_600 * SECOND
/** How long a version is known before it is used. */
const AHEAD = 24 * HOUR
const RELOAD_AFTER = 60 * SECOND
/** A node that was idle has the first request wait, or it would take what was withdrawn meanwhile. */
const WAIT_AFTER = 2 * RELOAD_AFTER
/** While the database is away, it is tried this often. */
const RETRY_AFTER = 5 * SECOND
/** How long a database may take to answer; after that it counts as away. */
const MAX_READ = 2 * SECOND
/** The hour is for clocks that differ, and for a rotation that is slow to commit. */
const MAX_AGE = AHEAD - HOUR

interface Version {
  version: number
  key: HmacKey
  /** Milliseconds since the epoch. */
  usedFrom: number
}

/**
 * Loads the keys, makes those that are missing, and wraps anew what an older server secret wrapped.
 * Rejects where a key was wrapped by a secret that is not configured.
 */
export async function loadPurposeKeys(options: PurposeKeysOptions): Promise<PurposeKeys> {
  const ring = new KeyRing(options)
  await ring.start()
  return ring
}

class KeyRing implements PurposeKeys {
  readonly #options: PurposeKeysOptions
  /** Of each purpose, the newest first. */
  #versions: ReadonlyMap<string, readonly Version[]> = new Map()
  #readAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #failure: unknown
  readonly #reading = new SharedWork<void>(MAX_READ)

  constructor(options: PurposeKeysOptions) {
    this.#options = options
  }

  mac(purpose: Purpose, message: string): Buffer {
    return this.#used(purpose).key.mac(message)
  }

  macs(purpose: Purpose, message: string): Buffer[] {
    const used = this.#used(purpose)
    const others = this.#known(purpose).filter((version) => version !== used)
    return [used, ...others].map(({ key }) => key.mac(message))
  }

  isMac(purpose: Purpose, message: string, mac: Uint8Array): boolean {
    return this.#known(purpose).some(({ key }) => {
      const expected = key.mac(message)
      return expected.length === mac.length && timingSafeEqual(expected, mac)
    })
  }

  keepCurrent(): Promise<void> | undefined {
    const age = this.#options.now() - this.#readAt
    return age >= 0 && age < RELOAD_AFTER ? undefined : this.#readAgain(age)
  }

  async rotate(purpose: Purpose, when: 'in a day' | 'immediately'): Promise<void> {
    const { storage, wrapping, now } = this.#options
    // Where another rotation was faster, the next number: what was asked for here may be sooner.
    for (let isStored = false; !isStored; ) {
      await this.#read()
      const version = (this.#known(purpose)[0]?.version ?? 0) + 1
      const wrapped_key = wrapping.wrap(randomBytes(32), contextOf({ purpose, version }))
      const created_at = new Date(when === 'immediately' ? now() - AHEAD : now())
      isStored = await storage.storePurposeKey({ purpose, version, wrapped_key, created_at })
    }
    await this.#read()
  }

  async withdrawFormer(purpose: Purpose): Promise<void> {
    await this.#read()
    const used = this.#used(purpose)
    const newest = this.#known(purpose)[0] ?? used
    const removed = await this.#options.storage.removePurposeKeysBefore(purpose, used.version)
    if (removed === 0) {
      throw new Error(
        newest === used
          ? `There is no former key of ${purpose} to withdraw: rotate it first.`
          : `The new key of ${purpose} is used from ${new Date(newest.usedFrom).toISOString()} on: withdraw the former one after that, or rotate with --immediately.`,
      )
    }
    await this.#read()
  }

  async start(): Promise<void> {
    const { storage, wrapping, now } = this.#options
    const stored = await storage.listPurposeKeys()
    for (const purpose of PURPOSES.filter((purpose) => !stored.some((key) => key.purpose === purpose))) {
      const wrapped_key = wrapping.wrap(randomBytes(32), contextOf({ purpose, version: 1 }))
      await storage.storePurposeKey({ purpose, version: 1, wrapped_key, created_at: new Date(now()) })
    }
    // Another node may have been first; what is in the database counts.
    for (const row of await this.#read()) {
      if (wrapping.isCurrent(row.wrapped_key)) continue
      const key = wrapping.unwrap(row.wrapped_key, contextOf(row))
      await storage.rewrapPurposeKey({ ...row, wrapped_key: wrapping.wrap(key, contextOf(row)) })
    }
  }

  #readAgain(age: number): Promise<void> | undefined {
    const mustWait = age < 0 || age >= WAIT_AFTER
    const sinceFailure = this.#options.now() - this.#failedAt
    const hasJustFailed = sinceFailure >= 0 && sinceFailure < RETRY_AFTER
    if (this.#reading.isRunning ? !mustWait : hasJustFailed) return undefined
    const reading = this.#reading
      .run(async () => {
        await this.#read()
      })
      .catch((error: unknown) => this.#noteFailure(error))
    if (mustWait) return reading
    this.#options.waitUntil(reading)
    return undefined
  }

  async #read(): Promise<StoredPurposeKey[]> {
    const { storage, wrapping, now } = this.#options
    const startedAt = now()
    const rows = await storage.listPurposeKeys()
    const versions = new Map<string, Version[]>()
    for (const row of rows) {
      const key = createHmacKey(wrapping.unwrap(row.wrapped_key, contextOf(row)))
      const version = { version: row.version, key, usedFrom: row.created_at.getTime() + AHEAD }
      versions.set(row.purpose, [...(versions.get(row.purpose) ?? []), version])
    }
    this.#versions = versions
    this.#readAt = startedAt
    return rows
  }

  /** Requests tell of an outage themselves. Of a secret that does not fit a new key, nobody else does until it is used. */
  #noteFailure(error: unknown): void {
    this.#failedAt = this.#options.now()
    this.#failure = error
    if (error instanceof DatabaseUnavailable || error instanceof LateError) return
    this.#options.log.error({ err: error }, 'The keys of purposes could not be read again.')
  }

  /** The newest whose day is over; the oldest counts at once. */
  #used(purpose: Purpose): Version {
    const known = this.#known(purpose)
    const now = this.#options.now()
    const used = known.find(({ usedFrom }) => usedFrom <= now) ?? known.at(-1)
    if (used === undefined) throw new Error(`There is no key for ${purpose}.`)
    return used
  }

  #known(purpose: Purpose): readonly Version[] {
    if (this.#options.now() - this.#readAt >= MAX_AGE) throw new DatabaseUnavailable({ cause: this.#failure })
    return this.#versions.get(purpose) ?? []
  }
}

function contextOf(row: Pick<StoredPurposeKey, 'purpose' | 'version'>): string {
  return `purpose_keys/${row.purpose}/${row.version}`
}
