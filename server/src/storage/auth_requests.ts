import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import { jsonRow, toJsonRow } from './json_row.ts'
import type { AuthRequestsRow } from './rows.ts'

/** An authorization request that a person has answered, in the session in which he was asked. */
export type AnsweredAuthRequest = Omit<ReadonlyRow<AuthRequestsRow>, 'request' | 'created_at' | 'used_at'>

export interface AuthRequestStorage {
  /** Notes that it was answered. Succeeds once, while the session lives. */
  consumeAuthRequest(request: AnsweredAuthRequest, now: Date): Promise<boolean>
}

const COLUMNS = 'digest, organization_id, session_digest, client_id, request, created_at, expires_at, used_at'

const CONSUME = statement<{ digest: Buffer }>(
  'auth_requests_consume',
  `${insertAuthRequest(jsonRow('auth_requests', '$1'))} returning digest`,
)

/** Inserts the request that a relation has, unless it is there. Who ends the session waits, or this finds no session any more. */
export function insertAuthRequest(relation: string): string {
  return `insert into auth_agent.auth_requests (${COLUMNS}) select ${COLUMNS} from ${relation} given
   where exists (select from auth_agent.sessions s where s.digest = given.session_digest for key share)
   on conflict (digest) do nothing`
}

/** The request as a row. Nobody needs to know any more what was asked; what was answered is in other tables. */
export function authRequestRow(answered: AnsweredAuthRequest, now: Date) {
  return { ...answered, request: {}, created_at: now, used_at: now }
}

export function authRequestStorage(db: Queryable): AuthRequestStorage {
  return {
    consumeAuthRequest: async (request, now) =>
      (await db.query(CONSUME, [toJsonRow(authRequestRow(request, now))])).length === 1,
  }
}
