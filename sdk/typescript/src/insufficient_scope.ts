import type { Answer } from './answer.ts'
import type { Auth } from './auth.ts'
import type { Protection } from './protection.ts'
import { hasScopes, isScope } from './scopes.ts'

/** Which protection let somebody through, so that a route can ask for more in the same words. */
const protections = new WeakMap<Auth, Protection>()

export function rememberProtection(auth: Auth | undefined, protection: Protection): void {
  if (auth !== undefined) protections.set(auth, protection)
}

/**
 * The answer to somebody who lacks a scope; undefined where he has them all.
 *
 * @throws Error where `protect` did not let him through, since then nobody knows who asks
 */
export function findShortage(auth: Auth | undefined, scopes: readonly string[]): Answer | undefined {
  const protection = auth && protections.get(auth)
  if (auth === undefined || protection === undefined) {
    throw new Error('requireScopes needs protect() before it, on a path that is not public.')
  }
  return hasScopes(auth.scopes, scopes) ? undefined : protection.answerInsufficientScope(scopes)
}

/** @throws TypeError where no scope is named: that would let everybody through */
export function checkNamedScopes(scopes: readonly string[]): void {
  if (scopes.length > 0 && scopes.every(isScope)) return
  throw new TypeError("requireScopes needs scopes, each one word: requireScopes('files:read').")
}
