import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { renderErrorJson } from '../http/failure.ts'

/** The organisation has nothing of that name, or another organisation has. */
export function notFound(what: string): OAuthError {
  return new OAuthError('not_found', `There is no such ${what}.`)
}

/** Answers an error of the management API in JSON, like every other endpoint for programs. */
export function renderError(context: ServerContext, thrown: unknown, c: Context): Response {
  return renderErrorJson(context, c.req.raw, thrown instanceof HTTPException ? ofHono(thrown) : thrown)
}

/** Hono's own refusals, such as a body that is no JSON. */
function ofHono(exception: HTTPException): unknown {
  if (exception.status >= 500) return exception
  return new OAuthError('invalid_request', exception.message, { status: exception.status })
}

/** What a schema found wrong with a request: the first field that is, by its name. */
export function invalidRequest(error: z.ZodError): OAuthError {
  const [first] = error.issues
  if (first === undefined) return new OAuthError('invalid_request', 'The request is not valid.')
  const issue = findDeepest(first)
  const field = issue.path.join('.') || 'The body'
  return new OAuthError('invalid_request', describeIssue(field, issue.message))
}

function describeIssue(field: string, message: string): string {
  if (message.endsWith('received undefined')) return `${field} is missing.`
  return `${field}: ${message}${message.endsWith('.') ? '' : '.'}`
}

interface Issue {
  path: readonly PropertyKey[]
  message: string
}

/** The member at fault, which for an unknown one is that itself. Of alternatives, the one that got furthest is the one that was meant. */
function findDeepest(issue: z.core.$ZodIssue): Issue {
  if (issue.code === 'unrecognized_keys')
    return { path: [...issue.path, ...issue.keys.slice(0, 1)], message: issue.message }
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.errors
    .flatMap((issues) => issues.slice(0, 1))
    .map(findDeepest)
    .reduce<Issue | undefined>(
      (deepest, next) => (next.path.length > (deepest?.path.length ?? 0) ? next : deepest),
      undefined,
    )
  return inner === undefined ? issue : { path: [...issue.path, ...inner.path], message: inner.message }
}
