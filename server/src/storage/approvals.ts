import { type AuditEvent, auditEventRow, insertAuditEvent } from './audit_events.ts'
import { type AuthCode, insertCode } from './auth_codes.ts'
import { type AnsweredAuthRequest, authRequestRow, insertAuthRequest } from './auth_requests.ts'
import { type ClientRow, insertClient } from './clients.ts'
import { type Queryable, statement } from './database.ts'
import { jsonRow, toJsonRow } from './json_row.ts'
import { insertUserAuthorization, type UserAuthorization } from './user_authorizations.ts'

/** The code that an approval is answered with, and the event that tells of it. */
export interface AnsweredApproval {
  code: AuthCode
  event: AuditEvent
}

/** What a person approved on a consent page: all of it is recorded, or nothing is. */
export interface NewApproval extends AnsweredApproval {
  request: AnsweredAuthRequest
  /** Gets its row now, unless it is registered and has one. */
  client: Omit<ClientRow, 'created_at' | 'updated_at'>
  authorization: UserAuthorization
}

export interface ApprovalStorage {
  /**
   * Records an approval, the answer to its request. Succeeds once, while the session lives, and client and server are those that it
   * is about.
   */
  recordApproval(approval: NewApproval, now: Date): Promise<boolean>
  /** Records that what was approved before is used again, under the same conditions; false where it is not remembered any more. */
  recordRepeatedApproval(authorizationId: string, approval: AnsweredApproval, now: Date): Promise<boolean>
}

// What an approval is about must be there until it is recorded, and the server at the address that was approved. Who changes or removes
// it meanwhile is waited for before anything else is locked, so that nobody waits crosswise; who comes later waits.
const SERVER_STANDS = `(code.server_id is null or exists (
       select from auth_agent.mcp_servers s where s.id = code.server_id and s.server_url = code.resource for key share))`
const CLIENT_STANDS = `exists (select from auth_agent.clients c where c.digest = code.client_digest for key share)`

// One statement, since each round trip of a transaction takes as long as the work in it. Foreign keys are checked at its end, so
// rows may refer to each other in any order.
const RECORD = statement<{ digest: Buffer }>(
  'approvals_record',
  `with standing as (
     select from ${jsonRow('auth_codes', '$4')} code, ${jsonRow('clients', '$2')} client
     where ${SERVER_STANDS} and (client.source <> 'registered' or ${CLIENT_STANDS})),
   answered as (${insertAuthRequest(after('standing', 'auth_requests', '$1'))} returning digest),
   client as (${insertClient(`(
     select given.* from answered, ${jsonRow('clients', '$2')} given where given.source <> 'registered')`)}),
   remembered as (${insertUserAuthorization(after('answered', 'user_authorizations', '$3'))}),
   code as (${insertCode(after('answered', 'auth_codes', '$4'))}),
   event as (${insertAuditEvent(after('answered', 'audit_events', '$5'))})
   select digest from answered`,
)
const RECORD_REPEATED = statement<{ id: string }>(
  'approvals_record_repeated',
  `with used as (
     update auth_agent.user_authorizations a set last_used_at = $2 from ${jsonRow('auth_codes', '$3')} code
     where a.id = $1 and ${SERVER_STANDS} and ${CLIENT_STANDS} returning a.id),
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
    async recordApproval(approval, now) {
      const request = toJsonRow(authRequestRow(approval.request, now))
      const client = toJsonRow({ ...approval.client, created_at: now, updated_at: now })
      const authorization = toJsonRow({ ...approval.authorization, granted_at: now, last_used_at: now })
      const values = [request, client, authorization, ...codeAndEvent(approval, now)]
      return (await db.query(RECORD, values)).length === 1
    },
    recordRepeatedApproval: async (authorizationId, approval, now) =>
      (await db.query(RECORD_REPEATED, [authorizationId, now, ...codeAndEvent(approval, now)])).length === 1,
  }
}
