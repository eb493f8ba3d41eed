import type { ServerContext } from '../context.ts'

/**
 * Does what nobody may wait for: what an answer's time, or its failure, would otherwise say about an account. What
 * goes wrong is logged.
 *
 * @param what for the log, such as `mail of an e-mail code`
 */
export function runInBackground(context: ServerContext, what: string, work: () => Promise<void>): void {
  const done = Promise.resolve()
    .then(work)
    .catch((error: unknown) => {
      context.log.error({ err: error }, `Failed: ${what}`)
    })
  context.waitUntil(done)
}
