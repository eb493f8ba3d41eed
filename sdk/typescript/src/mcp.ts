import type { Auth } from './auth.ts'
import { asProtection } from './create_protection.ts'
import { AuthAgentError, InsufficientScopeError } from './errors.ts'
import { checkNamedScopes } from './insufficient_scope.ts'
import type { ProtectOptions } from './options.ts'
import type { Protection } from './protection.ts'
import { hasScopes } from './scopes.ts'

export type { Auth } from './auth.ts'
export { createProtection } from './create_protection.ts'
export { InsufficientScopeError } from './errors.ts'
export type { ProtectOptions } from './options.ts'
export type { Protection } from './protection.ts'

/** `OAuthTokenVerifier` of the official SDKs. */
export interface TokenVerifier {
  /** Rejects with the errors of the official SDK, which its `requireBearerAuth` turns into challenges. */
  verifyAccessToken(token: string): Promise<Auth>
  /** Ends what runs in the background. */
  close(): void
}

/**
 * A verifier for `requireBearerAuth` of `@modelcontextprotocol/server` and its adapters, 2.x. Prefer `protect`, which
 * also answers 503, checks DPoP proofs, and knows the scopes of tools: here a bound token is refused.
 *
 * @throws TypeError for options that make no sense
 */
export function createTokenVerifier(options: ProtectOptions | Protection): TokenVerifier {
  return createVerifier(options, async (error) => {
    const { OAuthError } = await import('@modelcontextprotocol/server')
    const code = error.code === 'temporarily_unavailable' ? 'server_error' : error.code
    return new OAuthError(code, error.message)
  })
}

/**
 * The same for `requireBearerAuth` of `@modelcontextprotocol/sdk`, 1.x.
 *
 * @throws TypeError for options that make no sense
 */
export function createTokenVerifierV1(options: ProtectOptions | Protection): TokenVerifier {
  return createVerifier(options, async (error) => {
    const { InvalidTokenError, ServerError } = await import('@modelcontextprotocol/sdk/server/auth/errors.js')
    const Translated = error.code === 'temporarily_unavailable' ? ServerError : InvalidTokenError
    return new Translated(error.message)
  })
}

function createVerifier(
  options: ProtectOptions | Protection,
  translate: (error: AuthAgentError) => Promise<Error>,
): TokenVerifier {
  const protection = asProtection(options)
  return {
    async verifyAccessToken(token) {
      try {
        return await protection.verifyToken(token)
      } catch (error) {
        throw error instanceof AuthAgentError ? await translate(error) : error
      }
    },
    close: () => protection.close(),
  }
}

interface Granted {
  scopes: readonly string[]
}

/**
 * What handlers of the official SDKs are given last: `extra` of 1.x with `authInfo`, `ctx` of 2.x with
 * `http.authInfo`; or such an `AuthInfo`, or {@link Auth}, itself.
 */
export type WhoAsks =
  | Granted
  | { readonly authInfo?: Granted | undefined }
  | { readonly http?: { readonly authInfo?: Granted | undefined } | undefined }

/**
 * Checks that who asks has these scopes; those that they imply count, where `protect` or a verifier of ours let him in.
 *
 * @throws InsufficientScopeError with everything that is needed, which is also thrown where nobody is known to ask
 */
export function checkScopes(asks: WhoAsks | undefined, ...scopes: string[]): void {
  checkNamedScopes(scopes)
  if (!hasScopes(findScopes(asks), scopes)) throw new InsufficientScopeError(scopes)
}

/**
 * A handler of a tool that needs scopes:
 * `server.registerTool('write', config, requireScopes('files:write')(async (args, extra) => …))`.
 *
 * @throws TypeError where no scope is named
 */
export function requireScopes(...scopes: string[]) {
  checkNamedScopes(scopes)
  return <Parameters extends [...unknown[], WhoAsks], Result>(
    handler: (...parameters: Parameters) => Result | Promise<Result>,
  ): ((...parameters: Parameters) => Promise<Result>) =>
    async (...parameters) => {
      checkScopes(parameters.at(-1) as WhoAsks | undefined, ...scopes)
      return handler(...parameters)
    }
}

function findScopes(asks: WhoAsks | undefined): readonly string[] {
  if (asks === undefined) return []
  if ('scopes' in asks) return asks.scopes
  if ('http' in asks && asks.http?.authInfo !== undefined) return asks.http.authInfo.scopes
  return ('authInfo' in asks ? asks.authInfo?.scopes : undefined) ?? []
}
