import type { MiddlewareHandler } from 'hono'
import type { Auth } from './auth.ts'
import { asProtection } from './create_protection.ts'
import { checkNamedScopes, findShortage, rememberProtection } from './insufficient_scope.ts'
import type { ProtectOptions } from './options.ts'
import type { Protection } from './protection.ts'
import { decideRequest, finishResponse, toResponse } from './web_request.ts'

export type { Auth } from './auth.ts'
export { createProtection } from './create_protection.ts'
export type { ProtectOptions } from './options.ts'
export type { Protection } from './protection.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** Who asks; not set on public paths. */
    auth: Auth
  }
}

export interface Protect extends MiddlewareHandler {
  /** Ends what runs in the background. */
  close(): void
}

/**
 * Protects a Hono application as an OAuth 2.1 resource server: `app.use('*', protect({ serverId, apiKey }))`, before
 * everything that reads bodies. `c.get('auth')` says who asks.
 *
 * @throws TypeError for options that make no sense
 */
export function protect(options: ProtectOptions | Protection): Protect {
  const protection = asProtection(options)
  const middleware: MiddlewareHandler = async (c, next) => {
    const decision = decideRequest(protection, c.req.raw, () => c.req.arrayBuffer())
    const decided = decision instanceof Promise ? await decision : decision
    if (decided.response !== undefined) return decided.response
    const { request, auth } = decided
    if (request !== c.req.raw) c.req.raw = request
    if (auth !== undefined) {
      rememberProtection(auth, protection)
      c.set('auth', auth)
    }
    await next()
    const finished = finishResponse(c.res, decided)
    // Hono merges headers into a response that replaces another, unless there is none.
    if (finished !== c.res) {
      c.res = undefined
      c.res = finished
    }
    return undefined
  }
  return Object.assign(middleware, { close: () => protection.close() })
}

/**
 * A route that needs more scopes than others; who lacks one is answered 403 `insufficient_scope`.
 *
 * @throws TypeError where no scope is named
 */
export function requireScopes(...scopes: string[]): MiddlewareHandler {
  checkNamedScopes(scopes)
  return async (c, next) => {
    const shortage = findShortage(c.get('auth'), scopes)
    if (shortage !== undefined) return toResponse(shortage)
    await next()
    return undefined
  }
}
