import type { Logger } from '../log.ts'
import type { AuditEvent, AuditEventStorage } from '../storage/audit_events.ts'

/** Remembers who did what, in the log at once and in the database. */
export interface AuditLog {
  /** Resolves when the event is stored, and also when it could not be: what happened has happened. */
  record(event: AuditEvent): Promise<void>
  /** Only logs it, where it was stored together with what it tells of: both were, or nothing was. */
  log(event: AuditEvent): void
}

export function createAuditLog(storage: AuditEventStorage, log: Logger, now: () => number): AuditLog {
  const logEvent = (event: AuditEvent) => log.info({ event }, event.type)
  return {
    log: logEvent,
    async record(event) {
      logEvent(event)
      await storage.recordAuditEvent(event, new Date(now())).catch((error: unknown) => {
        log.error({ err: error, type: event.type }, 'An audit event could not be stored.')
      })
    },
  }
}
