import { z } from 'zod'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { MAX_LEEWAY } from '../options.ts'
import { randomName } from '../random.ts'
import type { DenialRow } from '../storage/denials.ts'
import { parseJws, signJws, verifyJws } from './jws.ts'
import type { SigningKey } from './signing_keys.ts'
import { VerifiedToken, verifiedTokensOf } from './verified_tokens.ts'

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
  /** We never set it, and honour it. */
  nbf?: number | undefined
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
  /** In milliseconds; now, otherwise. */
  issuedAt?: number
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
  nbf: z.number().optional(),
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
  await context.endOfTurn?.()
  const iat = Math.floor((subject.issuedAt ?? context.now()) / 1000)
  const claims: AccessTokenClaims = {
    iss: issuer.url,
    sub: subject.sub,
    aud: subject.resource,
    client_id: subject.clientId,
    scope: accessTokenScopes(subject.scopes).join(' '),
    iat,
    exp: iat + settings.accessTokenTtl,
    jti: randomName(),
    auth_time: subject.authTime && Math.floor(subject.authTime.getTime() / 1000),
    grant_id: subject.grantId,
    email: subject.email,
    cnf: subject.dpopJkt === undefined ? undefined : { jkt: subject.dpopJkt },
  }
  return signJws(key, 'at+jwt', claims)
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
): Promise<Readonly<AccessTokenClaims>> {
  const verified = await readActive(context, token, expected)
  if (isRefusal(verified)) throw new OAuthError('invalid_token', verified)
  return verified.claims
}

/** The claims of an access token that is good now, or undefined. Rejects where that cannot be told. */
export async function findActiveClaims(
  context: ServerContext,
  token: string,
  expected: { audience?: string } = {},
): Promise<Readonly<AccessTokenClaims> | undefined> {
  return (await findActiveToken(context, token, expected))?.claims
}

/** The same, with what else is known of it; a promise where that takes longer than to look it up. */
export function findActiveToken(
  context: ServerContext,
  token: string,
  expected: { audience?: string } = {},
): VerifiedToken | undefined | Promise<VerifiedToken | undefined> {
  const active = readActive(context, token, expected)
  return active instanceof Promise ? active.then(unlessRefused) : unlessRefused(active)
}

/** Why a token is refused. No exception, whose stack would cost more than the rest: whoever introspects asks about many. */
type Refusal = string

function isRefusal(result: object | Refusal): result is Refusal {
  return typeof result === 'string'
}

function unlessRefused(result: VerifiedToken | Refusal): VerifiedToken | undefined {
  return isRefusal(result) ? undefined : result
}

function readActive(
  context: ServerContext,
  token: string,
  expected: { audience?: string },
): VerifiedToken | Refusal | Promise<VerifiedToken | Refusal> {
  const remembered = verifiedTokensOf(context).find(token)
  if (remembered === undefined) return readUnknown(context, token, expected)
  // A key that has expired, or was removed, ends its tokens.
  const read = (key: SigningKey | undefined) =>
    key === undefined ? readUnknown(context, token, expected) : checkActive(context, remembered, expected)
  const key = context.signingKeys.find(remembered.kid)
  return key instanceof Promise ? key.then(read) : read(key)
}

async function readUnknown(
  context: ServerContext,
  token: string,
  expected: { audience?: string },
): Promise<VerifiedToken | Refusal> {
  const verified = await verifySignature(context, token)
  if (isRefusal(verified)) return verified
  if (isOfNow(context, verified.claims)) verifiedTokensOf(context).add(token, verified)
  return checkActive(context, verified, expected)
}

function checkActive(
  context: ServerContext,
  verified: VerifiedToken,
  { audience }: { audience?: string },
): VerifiedToken | Refusal | Promise<VerifiedToken | Refusal> {
  const { claims } = verified
  if (!isOfNow(context, claims)) return MALFORMED
  if (audience !== undefined && claims.aud !== audience)
    return `The access token is for ${claims.aud}, not for ${audience}.`
  const reading = context.denials.refresh()
  return reading === undefined
    ? unlessDenied(context, verified)
    : reading.then(() => unlessDenied(context, verified))
}

function unlessDenied({ denials }: ServerContext, verified: VerifiedToken): VerifiedToken | Refusal {
  return denials.isTokenDenied(verified.claims) ? 'The access token was revoked.' : verified
}

const MALFORMED = 'The access token is malformed, expired, or not issued here.'

function isOfNow(context: ServerContext, { exp, nbf }: AccessTokenClaims): boolean {
  const now = Math.floor(context.now() / 1000)
  return exp > now && (nbf === undefined || nbf <= now)
}

async function verifySignature(context: ServerContext, token: string): Promise<VerifiedToken | Refusal> {
  const jws = parseJws(token)
  const key = jws && (await context.signingKeys.find(jws.kid))
  if (jws === undefined || key === undefined)
    return 'The access token was not issued here, or its key has expired.'
  await context.endOfTurn?.()
  const signed = verifyJws(jws, key, 'at+jwt')
  if (signed === undefined) return MALFORMED
  const { data: claims } = claimsSchema.safeParse(signed)
  if (claims === undefined) return 'The access token lacks a claim.'
  return claims.iss === context.issuer.url ? new VerifiedToken(key.kid, claims) : MALFORMED
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
