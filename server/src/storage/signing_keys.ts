import type { SigningAlg } from '../options.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { SigningKeysRow } from './rows.ts'

/**
 * A key that signs tokens, or will, or did. It signs until `deactivates_at`, when its successor takes over, and is
 * published until `expires_at`; both are null while it has no successor.
 */
export interface SigningKeyRow
  extends Omit<ReadonlyRow<SigningKeysRow>, 'alg' | 'public_jwk' | 'created_at'> {
  readonly alg: SigningAlg
  /** The public half (RFC 7517); null for HS256, whose key is never published. */
  readonly public_jwk: Readonly<Record<string, unknown>> | null
}

export interface SigningKeyStorage {
  listSigningKeys(now: Date): Promise<SigningKeyRow[]>
  /**
   * Adds the key that follows `predecessor`, or the first of its algorithm, unless another node has done so
   * already. The predecessor signs until then, and stays published until `predecessorExpiresAt`.
   */
  addSigningKey(
    key: SigningKeyRow,
    predecessor: { kid: string; expiresAt: Date } | undefined,
    now: Date,
  ): Promise<boolean>
  rewrapSigningKey(kid: string, wrappedKey: Buffer): Promise<void>
}

const LIST = statement<SigningKeyRow>(
  'signing_keys_list',
  `select kid, alg, public_jwk, wrapped_key, activates_at, deactivates_at, expires_at from auth_agent.signing_keys
   where expires_at is null or expires_at > $1 order by activates_at desc, kid`,
)
const ADD_FIRST = statement<{ kid: string }>(
  'signing_keys_add_first',
  `insert into auth_agent.signing_keys (kid, alg, public_jwk, wrapped_key, created_at, activates_at)
   values ($1, $2, $3, $4, $5, $6) on conflict (alg) where deactivates_at is null do nothing returning kid`,
)
const ADD_NEXT = statement<{ kid: string }>(
  'signing_keys_add_next',
  `with superseded as (
     update auth_agent.signing_keys set deactivates_at = $6, expires_at = $8
     where kid = $7 and deactivates_at is null returning kid)
   insert into auth_agent.signing_keys (kid, alg, public_jwk, wrapped_key, created_at, activates_at)
   select $1, $2, $3, $4, $5, $6 from superseded returning kid`,
)
const REWRAP = statement(
  'signing_keys_rewrap',
  'update auth_agent.signing_keys set wrapped_key = $2 where kid = $1',
)

export function signingKeyStorage(db: Queryable): SigningKeyStorage {
  return {
    listSigningKeys: (now) => db.query(LIST, [now]),
    async addSigningKey(key, predecessor, now) {
      const jwk = key.public_jwk === null ? null : JSON.stringify(key.public_jwk)
      const values = [key.kid, key.alg, jwk, key.wrapped_key, now, key.activates_at]
      const rows =
        predecessor === undefined
          ? await db.query(ADD_FIRST, values)
          : await db.query(ADD_NEXT, [...values, predecessor.kid, predecessor.expiresAt])
      return rows.length > 0
    },
    async rewrapSigningKey(kid, wrappedKey) {
      await db.query(REWRAP, [kid, wrappedKey])
    },
  }
}
