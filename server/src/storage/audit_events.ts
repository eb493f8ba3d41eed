import { type Queryable, statement } from './database.ts'
import { jsonRow, toJsonRow } from './json_row.ts'

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

const COLUMNS = 'organization_id, occurred_at, type, user_id, client_id, server_id, detail'

/** Inserts the event that a relation has. */
export function insertAuditEvent(relation: string): string {
  return `insert into auth_agent.audit_events (${COLUMNS}) select ${COLUMNS} from ${relation} given`
}

/** An event as a row. */
export function auditEventRow({ detail = {}, ...event }: AuditEvent, occurred_at: Date) {
  return { ...event, detail, occurred_at }
}

const RECORD = statement('audit_events_record', insertAuditEvent(jsonRow('audit_events', '$1')))

export function auditEventStorage(db: Queryable): AuditEventStorage {
  return {
    async recordAuditEvent(event, now) {
      await db.query(RECORD, [toJsonRow(auditEventRow(event, now))])
    },
  }
}
