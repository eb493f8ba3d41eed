import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { MAX_LEEWAY } from '../options.ts'
import type { DenialRow } from '../storage/denials.ts'

/** What an access token says (RFC 9068 §2.2). */
export interface AccessTokenClaims {
  iss: string
  sub: string
  /** Exactly one resource: the registered URL of an MCP server, the issuer, or the management API. */
  aud: string
  client_id: string
  scope: string
  iat: number
  exp: number
  jti: string
  auth_time?: number | undefined
  /** The authorization that it comes from; absent for client credentials. */
  grant_id?: string | undefined
  email?: string | undefined
  act?: Readonly<Record<string, unknown>> | undefined
  cnf?: Readonly<Record<string, unknown>> | undefined
}

/** What decides an access token, but for the issuer, the clock and its identifier. */
export interface AccessTokenSubject {
  sub: string
  clientId: string
  resource: string
  scopes: readonly string[]
  authTime?: Date | undefined
  grantId?: string | undefined
  email?: string | undefined
  dpopJkt?: string | undefined
}

const claimsSchema: z.ZodType<AccessTokenClaims> = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  client_id: z.string(),
  scope: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
  auth_time: z.number().optional(),
  grant_id: z.string().optional(),
  email: z.string().optional(),
  act: z.record(z.string(), z.unknown()).optional(),
  cnf: z.record(z.string(), z.unknown()).optional(),
})

/** Signs an access token (RFC 9068). Nothing is written. */
export async function signAccessToken(context: ServerContext, subject: AccessTokenSubject): Promise<string> {
  const { issuer, settings, signingKeys } = context
  const key = await signingKeys.current(settings.signingAlg)
  const iat = Math.floor(context.now() / 1000)
  const claims: AccessTokenClaims = {
    iss: issuer.url,
    sub: subject.sub,
    aud: subject.resource,
    client_id: subject.clientId,
    scope: accessTokenScopes(subject.scopes).join(' '),
    iat,
    exp: iat + settings.accessTokenTtl,
    jti: randomBytes(16).toString('base64url'),
    auth_time: subject.authTime && Math.floor(subject.authTime.getTime() / 1000),
    grant_id: subject.grantId,
    email: subject.email,
    cnf: subject.dpopJkt === undefined ? undefined : { jkt: subject.dpopJkt },
  }
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid })
    .sign(key.signingKey)
}

/** `offline_access` is about the refresh token and means nothing to a resource server. */
function accessTokenScopes(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope !== 'offline_access')
}

/**
 * Verifies an access token: signature by the key that its header names and with that key's algorithm only, type,
 * issuer, expiry, audience where one is given (RFC 9068 §4), and that it was not revoked.
 *
 * @throws OAuthError `invalid_token` (RFC 6750 §3.1); `temporarily_unavailable` when revocation cannot be checked
 */
export async function verifyAccessToken(
  context: ServerContext,
  token: string,
  expected: { audience?: string } = {},
): Promise<AccessTokenClaims> {
  const claims = await verifySignedClaims(context, token)
  if (expected.audience !== undefined && claims.aud !== expected.audience) {
    refuse(`The access token is for ${claims.aud}, not for ${expected.audience}.`)
  }
  await context.denials.refresh()
  if (context.denials.isTokenDenied(claims)) refuse('The access token was revoked.')
  return claims
}

/** The claims of an access token that is good now, or undefined. Rejects where that cannot be told. */
export async function findActiveClaims(
  context: ServerContext,
  token: string,
  expected: { audience?: string } = {},
): Promise<AccessTokenClaims | undefined> {
  try {
    return await verifyAccessToken(context, token, expected)
  } catch (error) {
    if (error instanceof OAuthError && error.code === 'invalid_token') return undefined
    throw error
  }
}

async function verifySignedClaims(context: ServerContext, token: string): Promise<AccessTokenClaims> {
  const kid = findKid(token)
  const key = kid === undefined ? undefined : await context.signingKeys.find(kid)
  if (key === undefined) refuse('The access token was not issued here, or its key has expired.')
  const verified = await jwtVerify(token, key.verificationKey, {
    algorithms: [key.alg],
    typ: 'at+jwt',
    issuer: context.issuer.url,
    currentDate: new Date(context.now()),
  }).catch((cause: unknown) => refuse('The access token is malformed, expired, or not issued here.', cause))
  const claims = claimsSchema.safeParse(verified.payload)
  if (!claims.success) refuse('The access token lacks a claim.')
  return claims.data
}

/** RFC 7515 §3.1 and §2: three parts of base64url without padding; libraries let more pass. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

function findKid(token: string): string | undefined {
  if (!COMPACT.test(token)) return undefined
  try {
    return decodeProtectedHeader(token).kid
  } catch {
    return undefined
  }
}

function refuse(description: string, cause?: unknown): never {
  throw new OAuthError('invalid_token', description, { cause })
}

/** The denial of one access token, kept until it has expired everywhere. */
export function tokenDenial(
  claims: AccessTokenClaims,
  { organization_id, server_id }: Pick<DenialRow, 'organization_id' | 'server_id'>,
): DenialRow {
  return {
    organization_id,
    kind: 'token',
    subject: claims.jti,
    server_id,
    cutoff: null,
    expires_at: new Date((claims.exp + MAX_LEEWAY) * 1000),
  }
}
