import { type Queryable, statement } from './database.ts'

/** A key for one purpose, wrapped by the server secret. The highest version is current. */
export interface StoredPurposeKey {
  purpose: string
  version: number
  wrapped_key: Buffer
}

export interface PurposeKeyStorage {
  listPurposeKeys(): Promise<StoredPurposeKey[]>
  /** Stores a key unless another node stored that version first. */
  storePurposeKey(key: StoredPurposeKey, now: Date): Promise<void>
  /** Replaces the wrapping, not the key. */
  rewrapPurposeKey(key: StoredPurposeKey): Promise<void>
}

const LIST = statement<StoredPurposeKey>(
  'purpose_keys_list',
  'select purpose, version, wrapped_key from auth_agent.purpose_keys order by purpose, version desc',
)
const STORE = statement(
  'purpose_keys_store',
  `insert into auth_agent.purpose_keys (purpose, version, wrapped_key, created_at)
   values ($1, $2, $3, $4) on conflict do nothing`,
)
const REWRAP = statement(
  'purpose_keys_rewrap',
  'update auth_agent.purpose_keys set wrapped_key = $3 where purpose = $1 and version = $2',
)

export function purposeKeyStorage(db: Queryable): PurposeKeyStorage {
  return {
    listPurposeKeys: () => db.query(LIST),
    async storePurposeKey(key, now) {
      await db.query(STORE, [key.purpose, key.version, key.wrapped_key, now])
    },
    async rewrapPurposeKey(key) {
      await db.query(REWRAP, [key.purpose, key.version, key.wrapped_key])
    },
  }
}
