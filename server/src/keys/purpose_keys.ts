import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { PurposeKeyStorage, StoredPurposeKey } from '../storage/purpose_keys.ts'
import type { KeyWrapping } from './key_wrapping.ts'

/**
 * What a key is for. `digest` finds stored secrets (API keys, client secrets, session ids, codes);
 * `refresh_token` and `client_id` seal what the server gives out and does not store; `browser` binds forms and
 * e-mail codes to one browser.
 */
export const PURPOSES = ['digest', 'refresh_token', 'client_id', 'client_secret', 'browser'] as const
export type Purpose = (typeof PURPOSES)[number]

/** The keyed digests of the server. Keys are random, live in the database, and are wrapped by the server secret. */
export interface PurposeKeys {
  /** HMAC-SHA-256 of `message` under the current key of a purpose. */
  mac(purpose: Purpose, message: string): Buffer
  /** Whether `mac` is that of `message` under any key of the purpose, compared in constant time. */
  isMac(purpose: Purpose, message: string, mac: Uint8Array): boolean
}

/**
 * Loads the keys, makes those that are missing, and wraps anew what an older server secret wrapped.
 * Rejects where a key was wrapped by a secret that is not configured.
 */
export async function loadPurposeKeys(
  storage: PurposeKeyStorage,
  wrapping: KeyWrapping,
  now: Date,
): Promise<PurposeKeys> {
  let stored = await storage.listPurposeKeys()
  const missing = PURPOSES.filter((purpose) => !stored.some((key) => key.purpose === purpose))
  if (missing.length > 0) {
    for (const purpose of missing) {
      const wrapped_key = wrapping.wrap(randomBytes(32), contextOf({ purpose, version: 1 }))
      await storage.storePurposeKey({ purpose, version: 1, wrapped_key }, now)
    }
    // Another node may have been first; what is in the database counts.
    stored = await storage.listPurposeKeys()
  }
  const keys = new Map<string, Buffer[]>()
  for (const row of stored) {
    const key = wrapping.unwrap(row.wrapped_key, contextOf(row))
    keys.set(row.purpose, [...(keys.get(row.purpose) ?? []), key])
    if (!wrapping.isCurrent(row.wrapped_key)) {
      await storage.rewrapPurposeKey({ ...row, wrapped_key: wrapping.wrap(key, contextOf(row)) })
    }
  }
  return createPurposeKeys(keys)
}

/** @param keys of each purpose, the current one first */
function createPurposeKeys(keys: ReadonlyMap<string, readonly Buffer[]>): PurposeKeys {
  const keysOf = (purpose: Purpose): readonly Buffer[] => {
    const found = keys.get(purpose)
    if (found === undefined) throw new Error(`There is no key for ${purpose}.`)
    return found
  }
  return {
    mac: (purpose, message) => hmac(keysOf(purpose)[0] as Buffer, message),
    isMac: (purpose, message, mac) =>
      keysOf(purpose).some((key) => {
        const expected = hmac(key, message)
        return expected.length === mac.length && timingSafeEqual(expected, mac)
      }),
  }
}

function hmac(key: Buffer, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest()
}

function contextOf(row: Pick<StoredPurposeKey, 'purpose' | 'version'>): string {
  return `purpose_keys/${row.purpose}/${row.version}`
}
