import { createLog } from './log.ts'

/** For what happens before there is a server, which has a log of its own; `LOG_LEVEL` may not have been read, or make no sense. */
const log = createLog('error')

/**
 * Answers while nothing can be decided: the public learns that it may come again, and the operator why, in the log.
 *
 * @param fault what failed, for the operator
 */
export function answerUnavailable(description: string, fault: string, cause: unknown): Response {
  const { message } = cause instanceof Error ? cause : new Error(String(cause))
  log.error({}, `${fault}: ${message}`)
  const body = { error: 'temporarily_unavailable', error_description: description }
  return Response.json(body, { status: 503, headers: { 'Retry-After': '30', 'Cache-Control': 'no-store' } })
}
