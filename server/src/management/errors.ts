import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { renderErrorJson } from '../failure.ts'

/** The organisation has nothing of that name, or another organisation has. */
export function notFound(what: string): OAuthError {
  return new OAuthError('not_found', `There is no such ${what}.`)
}

/** Answers an error of the management API in JSON; those of the framework count as errors of the request. */
export function renderError(context: ServerContext, thrown: unknown, c: Context): Response {
  const isRefusal = thrown instanceof HTTPException && thrown.status < 500
  const error = isRefusal
    ? new OAuthError('invalid_request', thrown.message, { status: thrown.status })
    : thrown
  return renderErrorJson(context, c.req.raw, error)
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

/** Of alternatives, the one that got furthest is the one that was meant. */
function findDeepest(issue: z.core.$ZodIssue): Issue {
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
