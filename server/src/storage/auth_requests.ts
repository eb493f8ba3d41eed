import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { AuthRequestsRow } from './rows.ts'

/** A checked authorization request that a signed-in person is being asked about. Only its session can answer it. */
export type StoredAuthRequest = Omit<ReadonlyRow<AuthRequestsRow>, 'created_at' | 'used_at'>

export interface AuthRequestStorage {
  storeAuthRequest(request: StoredAuthRequest, now: Date): Promise<void>
  /** The request, if it waits for this session's answer. */
  findAuthRequest(digest: Buffer, sessionDigest: Buffer, now: Date): Promise<StoredAuthRequest | undefined>
  /** Notes that it was answered; false where it does not wait any more. Succeeds once. */
  consumeAuthRequest(digest: Buffer, sessionDigest: Buffer, now: Date): Promise<boolean>
}

const STORE = statement(
  'auth_requests_store',
  `insert into auth_agent.auth_requests (digest, organization_id, session_digest, client_id, request, created_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
)
const FIND = statement<StoredAuthRequest>(
  'auth_requests_find',
  `select digest, organization_id, session_digest, client_id, request, expires_at from auth_agent.auth_requests
   where digest = $1 and session_digest = $2 and used_at is null and expires_at > $3`,
)
const CONSUME = statement<{ digest: Buffer }>(
  'auth_requests_consume',
  `update auth_agent.auth_requests set used_at = $3
   where digest = $1 and session_digest = $2 and used_at is null and expires_at > $3 returning digest`,
)

export function authRequestStorage(db: Queryable): AuthRequestStorage {
  return {
    async storeAuthRequest(stored, now) {
      const { digest, organization_id, session_digest, client_id, request, expires_at } = stored
      await db.query(STORE, [
        digest,
        organization_id,
        session_digest,
        client_id,
        JSON.stringify(request),
        now,
        expires_at,
      ])
    },
    async findAuthRequest(digest, sessionDigest, now) {
      const [row] = await db.query(FIND, [digest, sessionDigest, now])
      return row
    },
    async consumeAuthRequest(digest, sessionDigest, now) {
      return (await db.query(CONSUME, [digest, sessionDigest, now])).length === 1
    },
  }
}
