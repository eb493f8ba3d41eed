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
  const now = context.now()
  const key = context.purposeKeys.mac('digest', `refusals:${userId}`)
  const budget = { key, limit: MAX_RECORDED, window_ends_at: new Date(now + WINDOW) }
  return (await context.storage.countAttempt(budget, new Date(now))).attempts <= MAX_RECORDED
}
