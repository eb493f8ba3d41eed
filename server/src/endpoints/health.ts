import type { ServerContext } from '../context.ts'
import { describeCause } from '../http/failure.ts'
import { jsonResponse, NO_STORE } from '../http/json_response.ts'
import type { ConnectionInfo } from '../options.ts'

/** Whether the process answers at all. */
export function health(): Response {
  return jsonResponse({ status: 'ok' }, NO_STORE)
}

/** Monitors give up after a few seconds, and count what hangs as they please. */
const READY_WITHIN_MS = 2_000

/** Whether it can serve: it is not about to stop, the database answers, and there is a key to sign with. */
export async function ready(
  context: ServerContext,
  _request: Request,
  { closing }: Pick<ConnectionInfo, 'closing'>,
): Promise<Response> {
  if (closing?.aborted) return unavailable('stopping')
  try {
    await within(READY_WITHIN_MS, checkParts(context))
    return jsonResponse({ status: 'ready' }, NO_STORE)
  } catch (error) {
    context.log.warn(describeCause(error), 'The server is not ready.')
    return unavailable('unavailable')
  }
}

async function checkParts({ storage, signingKeys, settings }: ServerContext): Promise<void> {
  await storage.checkDatabase()
  await signingKeys.current(settings.signingAlg)
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`It took longer than ${ms} ms.`)), ms)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function unavailable(status: 'stopping' | 'unavailable'): Response {
  return jsonResponse({ status }, { ...NO_STORE, 'Retry-After': '5' }, 503)
}
