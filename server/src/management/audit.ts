import type { ServerContext } from '../context.ts'
import type { AuditEvent } from '../storage/audit_events.ts'
import type { Manager } from './authentication.ts'

/** Records what a manager changed, who it was, and by which credential. */
export function recordChange(
  context: ServerContext,
  manager: Manager,
  event: Omit<AuditEvent, 'organization_id' | 'user_id'>,
): Promise<void> {
  return context.audit.record({
    ...event,
    organization_id: manager.organizationId,
    user_id: manager.userId,
    detail: { ...event.detail, via: manager.via },
  })
}
