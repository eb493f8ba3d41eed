import { AttemptCountersUnavailable } from '../attempt_counters.ts'
import type { ServerContext } from '../context.ts'

/** How many refusals of one account are recorded in an hour; what comes after is in the log alone. */
const MAX_RECORDED = 20
const WINDOW = 3_600_000

/**
 * Records that a sign-in was refused, where there is an account that it concerns, and not without end: whoever knows
 * what to send, and needs no account for it, must not fill the records of others.
 */
export async function recordRefusal(
  context: ServerContext,
  userId: string | undefined,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  const event = { type: 'sign_in.failed', user_id: userId, detail }
  if (userId === undefined || !(await isWithinBudget(context, userId))) {
    context.log.info({ event }, event.type)
    return
  }
  await context.audit.record(event)
}

async function isWithinBudget(context: ServerContext, userId: string): Promise<boolean> {
  const key = context.purposeKeys.mac('digest', `refusals:${userId}`)
  try {
    const budget = { key, limit: MAX_RECORDED, windowMs: WINDOW }
    return (await context.attemptCounters.count([budget])) === undefined
  } catch (error) {
    // A passkey depends on no counter, and neither does its refusal.
    if (error instanceof AttemptCountersUnavailable) return false
    throw error
  }
}
