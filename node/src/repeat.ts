import type { Logger } from '@auth-agent/server/log'

/**
 * Runs a task again and again, never twice at a time. A failure is logged, and the task tried again next time.
 * It does not keep the process alive.
 *
 * @returns stops it, and waits for a run that is under way
 */
export function repeat(task: () => Promise<void>, intervalMs: number, log: Logger): () => Promise<void> {
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
  return async () => {
    clearInterval(timer)
    await running
  }
}
