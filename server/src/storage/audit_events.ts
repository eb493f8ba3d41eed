import { type Queryable, statement } from './database.ts'

/** What happened, as it is stored. Never holds a secret, a token, a code or a password. */
export interface AuditEvent {
  /** A dotted name, such as `sign_in.succeeded` or `refresh_token.theft`. */
  type: string
  organization_id?: string | undefined
  user_id?: string | undefined
  client_id?: string | undefined
  server_id?: string | undefined
  detail?: Readonly<Record<string, unknown>> | undefined
}

export interface AuditEventStorage {
  recordAuditEvent(event: AuditEvent, now: Date): Promise<void>
}

const RECORD = statement(
  'audit_events_record',
  `insert into auth_agent.audit_events (organization_id, occurred_at, type, user_id, client_id, server_id, detail)
   values ($1, $2, $3, $4, $5, $6, $7)`,
)

export function auditEventStorage(db: Queryable): AuditEventStorage {
  return {
    async recordAuditEvent(event, now) {
      const { organization_id, user_id, client_id, server_id, type, detail = {} } = event
      await db.query(RECORD, [
        organization_id,
        now,
        type,
        user_id,
        client_id,
        server_id,
        JSON.stringify(detail),
      ])
    },
  }
}
