import type { Logger } from '@auth-agent/server/log'
import { within } from '@auth-agent/server/shared_work'

/**
 * Runs a task again and again, never twice at a time. A failure is logged, and the task tried again next time.
 * It does not keep the process alive.
 *
 * @returns stops it, and waits for a run that is under way, so many milliseconds at the most
 */
export function repeat(
  task: () => Promise<void>,
  intervalMs: number,
  log: Logger,
): (limitMs: number) => Promise<void> {
  let running: Promise<void> | undefined
  const run = () => {
    running ??= task()
      .catch((error: unknown) => log.error({ err: error }, 'Maintenance failed; it is tried again.'))
      .finally(() => {
        running = undefined
      })
  }
  const timer = setInterval(run, intervalMs)
  timer.unref()
  return async (limitMs) => {
    clearInterval(timer)
    await within(limitMs, running ?? Promise.resolve()).catch(() =>
      log.warn({}, 'Maintenance was cut off; another round goes on with it.'),
    )
  }
}
