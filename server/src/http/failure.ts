import type { ServerContext } from '../context.ts'
import { errorBody, OAuthError } from '../errors.ts'
import { renderErrorPage } from '../pages/error_page.tsx'
import { currentRequestId, newRequestId, noteRefusal } from '../telemetry/request_scope.ts'
import { Unavailable } from '../unavailable.ts'

/** What the public is told of an error: a refusal as it is, the rest without any detail of the inside. */
export function toOAuthError(thrown: unknown): OAuthError {
  if (thrown instanceof OAuthError) return thrown
  if (thrown instanceof Unavailable) {
    return new OAuthError('temporarily_unavailable', `${thrown.message} Try again in a moment.`, {
      headers: { 'Retry-After': '5' },
      cause: thrown,
    })
  }
  return new OAuthError('server_error', 'Something went wrong here. It was logged.', { cause: thrown })
}

/** An error for a program (RFC 6749 §5.2). */
export function renderErrorJson(context: ServerContext, request: Request, thrown: unknown): Response {
  const error = toOAuthError(thrown)
  logFailure(context, request, error)
  return new Response(JSON.stringify(errorBody(error)), {
    status: error.status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...error.headers },
  })
}

/** An error for a person, with a number by which it is found in the log, and a way on. */
export function renderErrorForPeople(
  context: ServerContext,
  request: Request,
  thrown: unknown,
  link?: { href: string; label: string },
): Response {
  const error = toOAuthError(thrown)
  const requestId = logFailure(context, request, error)
  const page = renderErrorPage({
    basePath: context.issuer.basePath,
    // A person has no client credentials to send; 401 is for programs.
    status: error.code === 'invalid_client' ? 400 : error.status,
    title: titleOf(error),
    message: error.description,
    code: error.code,
    requestId,
    link: link ?? wayOn(context, error),
  })
  for (const [name, value] of Object.entries(error.headers)) page.headers.set(name, value)
  return page
}

function wayOn({ issuer }: ServerContext, error: OAuthError): { href: string; label: string } | undefined {
  return error.code === 'not_found' ? { href: `${issuer.basePath}/`, label: 'To the start page' } : undefined
}

function titleOf(error: OAuthError): string {
  if (error.code === 'not_found') return 'There is nothing here'
  if (error.code === 'slow_down') return 'Too many attempts'
  return error.status >= 500 ? 'This does not work right now' : 'This request cannot be completed'
}

/** The path is logged and the query is not: codes and states travel in it. */
function logFailure({ log }: ServerContext, request: Request, error: OAuthError): string {
  noteRefusal(error.code)
  const requestId = currentRequestId() ?? newRequestId()
  const fields = { requestId, method: request.method, path: new URL(request.url).pathname, code: error.code }
  if (error.status >= 500) log.error({ ...fields, ...describeCause(error.cause) }, error.description)
  else log.info(fields, error.description)
  return requestId
}

/** For the log. An outage fails every request alike, so it is told in a line, without the stack that each would repeat. */
export function describeCause(cause: unknown): { err: unknown } | { reason: string } {
  return cause instanceof Unavailable ? { reason: cause.reason } : { err: cause }
}
