import type { EndOfTurn } from '../end_of_turn.ts'
import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { AuthRequestsRow } from './rows.ts'
import { findTogether } from './together.ts'

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
  `select digest, organization_id, session_digest, client_id, request, expires_at
   from unnest((select $1::bytea[]), (select $2::bytea[])) asked (digest, session_digest)
   join auth_agent.auth_requests using (digest, session_digest)
   where used_at is null and expires_at > $3`,
)

/** `$1` is the digest, `$2` that of the session, `$3` the moment. */
export const CONSUME_AUTH_REQUEST = `update auth_agent.auth_requests set used_at = $3
   where digest = $1 and session_digest = $2 and used_at is null and expires_at > $3 returning digest`
const CONSUME = statement<{ digest: Buffer }>('auth_requests_consume', CONSUME_AUTH_REQUEST)

interface Asked extends Pick<StoredAuthRequest, 'digest' | 'session_digest'> {
  now: Date
}

export function authRequestStorage(db: Queryable, endOfTurn?: EndOfTurn): AuthRequestStorage {
  const find = findTogether(
    endOfTurn,
    ({ digest, session_digest }: Pick<StoredAuthRequest, 'digest' | 'session_digest'>) =>
      digest.toString('latin1') + session_digest.toString('latin1'),
    (asked: readonly [Asked, ...Asked[]]) =>
      db.query(FIND, [
        asked.map(({ digest }) => digest),
        asked.map(({ session_digest }) => session_digest),
        asked[0].now,
      ]),
  )
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
    findAuthRequest: async (digest, session_digest, now) => (await find({ digest, session_digest, now }))[0],
    async consumeAuthRequest(digest, sessionDigest, now) {
      return (await db.query(CONSUME, [digest, sessionDigest, now])).length === 1
    },
  }
}
