import type { ServerContext } from '../context.ts'
import { describeCause } from '../http/failure.ts'
import { jsonResponse, NO_STORE } from '../http/json_response.ts'
import type { ConnectionInfo } from '../options.ts'
import { within } from '../shared_work.ts'

/** Whether the process answers at all. */
export function health(): Response {
  return jsonResponse({ status: 'ok' }, NO_STORE)
}

/** Monitors give up after a few seconds, and count what hangs as they please. */
const READY_WITHIN_MS = 2_000

/**
 * Whether it can serve: it is not about to stop, the database answers, and there is a key to sign with. Where attempts are
 * counted apart from the database and cannot be, it says so, and serves: passkeys, tokens and their checks need no counter, and
 * a load balancer would find no node that does better.
 */
export async function ready(
  context: ServerContext,
  _request: Request,
  { closing }: Pick<ConnectionInfo, 'closing'>,
): Promise<Response> {
  if (closing?.aborted) return unavailable('stopping')
  try {
    const [, canCount] = await within(
      READY_WITHIN_MS,
      Promise.all([checkParts(context), checkCounters(context)]),
    )
    const counters = canCount ? {} : { attempt_counters: 'unavailable' }
    return jsonResponse({ status: 'ready', ...counters }, NO_STORE)
  } catch (error) {
    context.log.warn(describeCause(error), 'The server is not ready.')
    return unavailable('unavailable')
  }
}

async function checkParts({ storage, signingKeys, settings }: ServerContext): Promise<void> {
  await storage.checkDatabase()
  await signingKeys.current(settings.signingAlg)
}

async function checkCounters({ attemptCounters, log }: ServerContext): Promise<boolean> {
  try {
    await attemptCounters.check?.()
    return true
  } catch (error) {
    log.warn(describeCause(error), 'Attempts cannot be counted.')
    return false
  }
}

function unavailable(status: 'stopping' | 'unavailable'): Response {
  return jsonResponse({ status }, { ...NO_STORE, 'Retry-After': '5' }, 503)
}
