import type { Request, RequestHandler, Response } from 'express'
import type { Answer } from './answer.ts'
import type { Auth } from './auth.ts'
import type { HeaderList } from './cors.ts'
import { asProtection } from './create_protection.ts'
import { readBody } from './express_body.ts'
import { beforeHead } from './express_head.ts'
import { filterToolList } from './express_tool_list.ts'
import { checkNamedScopes, findShortage, rememberProtection } from './insufficient_scope.ts'
import type { ProtectOptions } from './options.ts'
import type { IncomingRequest, Protection } from './protection.ts'
import { splitPath } from './request_path.ts'
import { SESSION_HEADER } from './session_owners.ts'

export type { Auth } from './auth.ts'
export { createProtection } from './create_protection.ts'
export type { ProtectOptions } from './options.ts'
export type { Protection } from './protection.ts'

export interface Protect extends RequestHandler {
  /** Ends what runs in the background. */
  close(): void
}

/**
 * Protects an Express application as an OAuth 2.1 resource server: `app.use(protect({ serverId, apiKey }))`, before
 * or after `express.json()`. `req.auth` says who asks; it is what the official MCP SDK expects there.
 *
 * @throws TypeError for options that make no sense
 */
export function protect(options: ProtectOptions | Protection): Protect {
  const protection = asProtection(options)
  const middleware: RequestHandler = (req, res, next) => {
    decide(protection, req, res).then((isLetThrough) => {
      if (isLetThrough) next()
    }, next)
  }
  return Object.assign(middleware, { close: () => protection.close() })
}

/**
 * Who asks, with its type.
 *
 * @throws Error where `protect` did not let the request through
 */
export function getAuth(req: Request): Auth {
  const auth = findAuth(req)
  if (auth === undefined) throw new Error('getAuth needs protect() before it, on a path that is not public.')
  return auth
}

/**
 * A route that needs more scopes than others; who lacks one is answered 403 `insufficient_scope`.
 *
 * @throws TypeError where no scope is named
 */
export function requireScopes(...scopes: string[]): RequestHandler {
  checkNamedScopes(scopes)
  return (req, res, next) => {
    const shortage = findShortage(findAuth(req), scopes)
    if (shortage === undefined) next()
    else send(res, shortage)
  }
}

/** By request, since `req.auth` may be declared, and set, by others. */
const auths = new WeakMap<Request, Auth>()

function findAuth(req: Request): Auth | undefined {
  return auths.get(req)
}

/** Whether the request goes on. */
async function decide(protection: Protection, req: Request, res: Response): Promise<boolean> {
  const decision = await protection.decide(incoming(req))
  if (decision.answer !== undefined) {
    send(res, decision.answer)
    return false
  }
  const { auth, cors, listFilter, noteSession } = decision
  if (auth !== undefined) {
    rememberProtection(auth, protection)
    auths.set(req, auth)
    Object.assign(req, { auth })
  }
  if (noteSession !== undefined) {
    beforeHead(res, (status) => noteSession(status, res.getHeader(SESSION_HEADER)?.toString()))
  }
  if (cors !== undefined) setCors(res, cors)
  if (listFilter !== undefined) filterToolList(req, res, listFilter)
  return true
}

function incoming(req: Request): IncomingRequest {
  return {
    method: req.method,
    ...splitPath(req.originalUrl),
    header: (name) => (name === 'authorization' ? findAuthorization(req) : findHeader(req, name)),
    readBody: (limit) => readBody(req, limit),
  }
}

function findHeader(req: Request, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Node keeps the first of several, which is how two credentials would become one that was not chosen. */
function findAuthorization(req: Request): string | undefined {
  const values = req.rawHeaders.filter(
    (_, index) => index % 2 === 1 && req.rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  )
  return values.length > 1 ? values.join(', ') : findHeader(req, 'authorization')
}

/** What the application sets itself stays, but that others than this origin may get another answer. */
function setCors(res: Response, cors: HeaderList): void {
  beforeHead(res, () => {
    if (res.hasHeader('Access-Control-Allow-Origin')) return
    for (const [name, value] of Object.entries(cors)) {
      if (name === 'Vary') res.vary(value)
      else if (!res.hasHeader(name)) res.setHeader(name, value)
    }
  })
}

function send(res: Response, { status, headers, body }: Answer): void {
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.end(body ?? undefined)
}
