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

/** Who asks: undefined only where paths are public, or preflights go through. */
export type AuthOf<Options> = Options extends {
  serverId: string
  publicPaths?: undefined
  allowedOrigins?: '*' | undefined
}
  ? Auth
  : Auth | undefined

/** A `fetch` handler that is told who asks. What the runtime gives besides, such as `env` and `ctx`, follows. */
export type ProtectedHandler<Who, Rest extends unknown[]> = (
  request: Request,
  auth: Who,
  ...rest: Rest
) => Response | Promise<Response>

export interface Protect<Who> {
  <Rest extends unknown[]>(
    handler: ProtectedHandler<Who, Rest>,
  ): (request: Request, ...rest: Rest) => Promise<Response>
  /** Ends what runs in the background. */
  close(): void
}

/**
 * Protects a `fetch` handler, of Cloudflare Workers, Deno, Bun and others, as an OAuth 2.1 resource server.
 *
 * @throws TypeError for options that make no sense
 */
export function protect<const Options extends ProtectOptions | Protection>(
  options: Options,
): Protect<AuthOf<Options>> {
  const protection = asProtection(options)
  const wrap =
    <Rest extends unknown[]>(handler: ProtectedHandler<AuthOf<Options>, Rest>) =>
    async (request: Request, ...rest: Rest): Promise<Response> => {
      const decided = await decideRequest(protection, request)
      if (decided.response !== undefined) return decided.response
      rememberProtection(decided.auth, protection)
      const auth = decided.auth as AuthOf<Options>
      return finishResponse(await handler(decided.request, auth, ...rest), decided)
    }
  return Object.assign(wrap, { close: () => protection.close() })
}

/**
 * A handler that needs more scopes than others; who lacks one is answered 403 `insufficient_scope`.
 *
 * @throws TypeError where no scope is named
 */
export function requireScopes(...scopes: string[]) {
  checkNamedScopes(scopes)
  return <Who extends Auth | undefined, Rest extends unknown[]>(
    handler: ProtectedHandler<Who, Rest>,
  ): ProtectedHandler<Who, Rest> =>
    async (request, auth, ...rest) => {
      const shortage = findShortage(auth, scopes)
      return shortage === undefined ? handler(request, auth, ...rest) : toResponse(shortage)
    }
}
