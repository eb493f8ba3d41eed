/**
 * Answers while nothing can be decided. The public learns that it may come again, and the operator why, in the log: the server has one
 * of its own, this is for what happens before it.
 *
 * @param fault what failed, for the operator
 */
export function answerUnavailable(description: string, fault: string, cause: unknown): Response {
  const { message } = cause instanceof Error ? cause : new Error(String(cause))
  console.error(JSON.stringify({ level: 'error', service: 'auth-agent', msg: `${fault}: ${message}` }))
  const body = { error: 'temporarily_unavailable', error_description: description }
  return Response.json(body, { status: 503, headers: { 'Retry-After': '30', 'Cache-Control': 'no-store' } })
}
