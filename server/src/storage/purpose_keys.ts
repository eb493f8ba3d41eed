import { type Queryable, statement } from './database.ts'
import type { PurposeKeysRow } from './rows.ts'

/**
 * A key for one purpose, wrapped by the server secret. The oldest version counts at once, another one is used from a day
 * after `created_at` on; one that is used at once says that it is a day old.
 */
export type StoredPurposeKey = PurposeKeysRow

export interface PurposeKeyStorage {
  /** The newest version of a purpose first. */
  listPurposeKeys(): Promise<StoredPurposeKey[]>
  /** Stores a key unless another node stored that version first. Answers whether it did. */
  storePurposeKey(key: StoredPurposeKey): Promise<boolean>
  /** Replaces the wrapping, not the key. */
  rewrapPurposeKey(key: StoredPurposeKey): Promise<void>
  /** Removes the versions before one. Answers how many there were. */
  removePurposeKeysBefore(purpose: string, version: number): Promise<number>
}

const LIST = statement<StoredPurposeKey>(
  'purpose_keys_list',
  `select purpose, version, wrapped_key, created_at from auth_agent.purpose_keys
   order by purpose, version desc`,
)
const STORE = statement<{ version: number }>(
  'purpose_keys_store',
  `insert into auth_agent.purpose_keys (purpose, version, wrapped_key, created_at)
   values ($1, $2, $3, $4) on conflict do nothing returning version`,
)
const REWRAP = statement(
  'purpose_keys_rewrap',
  'update auth_agent.purpose_keys set wrapped_key = $3 where purpose = $1 and version = $2',
)
const REMOVE_BEFORE = statement<{ version: number }>(
  'purpose_keys_remove_before',
  'delete from auth_agent.purpose_keys where purpose = $1 and version < $2 returning version',
)

export function purposeKeyStorage(db: Queryable): PurposeKeyStorage {
  return {
    listPurposeKeys: () => db.query(LIST),
    async storePurposeKey({ purpose, version, wrapped_key, created_at }) {
      return (await db.query(STORE, [purpose, version, wrapped_key, created_at])).length === 1
    },
    async rewrapPurposeKey(key) {
      await db.query(REWRAP, [key.purpose, key.version, key.wrapped_key])
    },
    async removePurposeKeysBefore(purpose, version) {
      return (await db.query(REMOVE_BEFORE, [purpose, version])).length
    },
  }
}
