import type { ServerContext } from '../context.ts'
import { jsonResponse, NO_STORE } from '../http/json_response.ts'
import type { ConnectionInfo } from '../options.ts'

/** Whether the process answers at all. */
export function health(): Response {
  return jsonResponse({ status: 'ok' }, NO_STORE)
}

/** Whether it can serve: it is not about to stop, the database answers, and there is a key to sign with. */
export async function ready(
  context: ServerContext,
  _request: Request,
  { closing }: Pick<ConnectionInfo, 'closing'>,
): Promise<Response> {
  if (closing?.aborted) return unavailable('stopping')
  try {
    await context.storage.checkDatabase()
    await context.signingKeys.current(context.settings.signingAlg)
    return jsonResponse({ status: 'ready' }, NO_STORE)
  } catch (error) {
    context.log.warn({ err: error }, 'The server is not ready.')
    return unavailable('unavailable')
  }
}

function unavailable(status: 'stopping' | 'unavailable'): Response {
  return jsonResponse({ status }, { ...NO_STORE, 'Retry-After': '5' }, 503)
}
