import { type AuditEvent, auditEventRow, insertAuditEvent } from './audit_events.ts'
import { type AuthCode, insertCode } from './auth_codes.ts'
import { CONSUME_AUTH_REQUEST } from './auth_requests.ts'
import { type ClientRow, insertClient } from './clients.ts'
import { type Queryable, statement } from './database.ts'
import { jsonRow, toJsonRow } from './json_row.ts'
import { insertUserAuthorization, type UserAuthorization } from './user_authorizations.ts'

/** The code that an approval is answered with, and the event that tells of it. */
export interface AnsweredApproval {
  code: AuthCode
  event: AuditEvent
}

/** What a person approved for the first time: all of it is recorded, or nothing is. */
export interface NewApproval extends AnsweredApproval {
  /** Gets its row now, unless it is registered and has one. */
  client: Omit<ClientRow, 'created_at' | 'updated_at'>
  authorization: UserAuthorization
}

export interface ApprovalStorage {
  /** Answers the request that waits for this session, and records the approval; false where it does not wait. Succeeds once. */
  recordApproval(
    waiting: { digest: Buffer; session_digest: Buffer },
    approval: NewApproval,
    now: Date,
  ): Promise<boolean>
  /** Records that what was approved before is used again; false where it is not remembered any more. */
  recordRepeatedApproval(authorizationId: string, approval: AnsweredApproval, now: Date): Promise<boolean>
}

// One statement, since each round trip of a transaction takes as long as the work in it. Foreign keys are checked at its end, so
// rows may refer to each other in any order.
const RECORD = statement<{ digest: Buffer }>(
  'approvals_record',
  `with answered as (${CONSUME_AUTH_REQUEST}),
   client as (${insertClient(`(
     select given.* from answered, ${jsonRow('clients', '$4')} given where given.source <> 'registered')`)}),
   remembered as (${insertUserAuthorization(after('answered', 'user_authorizations', '$5'))}),
   code as (${insertCode(after('answered', 'auth_codes', '$6'))}),
   event as (${insertAuditEvent(after('answered', 'audit_events', '$7'))})
   select digest from answered`,
)
const RECORD_REPEATED = statement<{ id: string }>(
  'approvals_record_repeated',
  `with used as (
     update auth_agent.user_authorizations set last_used_at = $2 where id = $1 returning id),
   code as (${insertCode(after('used', 'auth_codes', '$3'))}),
   event as (${insertAuditEvent(after('used', 'audit_events', '$4'))})
   select id from used`,
)

/** The row, if the step before it changed one. */
function after(step: string, table: string, parameter: `$${number}`): string {
  return `(select given.* from ${step}, ${jsonRow(table, parameter)} given)`
}

function codeAndEvent({ code, event }: AnsweredApproval, now: Date): string[] {
  return [toJsonRow({ ...code, created_at: now }), toJsonRow(auditEventRow(event, now))]
}

export function approvalStorage(db: Queryable): ApprovalStorage {
  return {
    async recordApproval({ digest, session_digest }, approval, now) {
      const client = toJsonRow({ ...approval.client, created_at: now, updated_at: now })
      const authorization = toJsonRow({ ...approval.authorization, granted_at: now, last_used_at: now })
      const values = [digest, session_digest, now, client, authorization, ...codeAndEvent(approval, now)]
      return (await db.query(RECORD, values)).length === 1
    },
    recordRepeatedApproval: async (authorizationId, approval, now) =>
      (await db.query(RECORD_REPEATED, [authorizationId, now, ...codeAndEvent(approval, now)])).length === 1,
  }
}
