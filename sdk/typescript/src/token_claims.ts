import type { Claims, VerifiedClaims } from './auth.ts'
import { AuthAgentError, WrongAudienceError } from './errors.ts'

/** What a token must say to be for this server. */
export interface Expected {
  authServer: string
  resource: string
}

/** Seconds by which clocks may differ. */
const LEEWAY = 60

/**
 * What holds whoever vouches for the claims: the issuer, the audience (RFC 8707 §2), the expiry, and that they name
 * somebody. `now` in seconds.
 *
 * @throws AuthAgentError `invalid_token`
 */
export function checkClaims(claims: Claims, expected: Expected, now: number): VerifiedClaims {
  const { iss, aud, exp, sub, client_id: clientId, scope } = claims
  const { authServer, resource } = expected
  if (iss !== authServer) refuse('The access token is not from the authorization server of this MCP server.')
  if (!isFor(aud, resource)) throw new WrongAudienceError(aud, resource)
  if (!isTime(exp)) refuse('The access token does not say when it expires.')
  checkExpiry(exp, now)
  if (!isName(sub) || !isName(clientId)) refuse('The access token does not say whom it is for.')
  if (scope !== undefined && typeof scope !== 'string') refuse('The scope of the access token is no string.')
  return { ...claims, iss: authServer, sub, client_id: clientId, exp }
}

/** Whether an `aud` (RFC 7519 §4.1.3) names this server, byte for byte. */
export function isFor(audience: unknown, resource: string): boolean {
  return Array.isArray(audience) ? audience.includes(resource) : audience === resource
}

/** RFC 9068 §2.2 and §4: what a token itself must say besides. `now` in seconds. */
export function checkTokenClaims(claims: Claims, now: number): void {
  const { iat, nbf, jti } = claims
  if (!isTime(iat) || iat > now + LEEWAY) refuse('The access token was issued in the future.')
  if (nbf !== undefined && (!isTime(nbf) || nbf > now + LEEWAY)) refuse('The access token is not valid yet.')
  if (!isName(jti)) refuse('The access token has no identifier.')
}

export function checkExpiry(exp: number, now: number): void {
  if (exp <= now) refuse('The access token has expired. Get a new one.')
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function refuse(description: string): never {
  throw new AuthAgentError('invalid_token', description)
}
