import { checkCodeVerifier } from '../checks/pkce.ts'
import { type Client, isConfidential } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { findByDigest } from '../keys/find_by_digest.ts'
import type { AuthCode } from '../storage/auth_codes.ts'
import { newFamily } from '../tokens/refresh_token.ts'
import { endGrant } from '../tokens/revocation.ts'
import type { TokenRequest } from './grant.ts'
import { requiredParameter } from './parameters.ts'
import { checkRepeatedResource, readRepeatedResource } from './resource.ts'
import { issueUserTokens, leftOfGrant, type TokenResponse } from './token_response.ts'

/**
 * The authorization code grant (OAuth 2.1 §4.1.3). Everything is checked before the code is consumed, so a mistaken
 * request costs nobody the code; consuming it and opening the grant is one statement. A code that comes a second time
 * ends what the first use issued (RFC 6749 §4.1.2).
 */
export async function authorizationCode(
  context: ServerContext,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { client, parameters } = request
  const presented = requiredParameter(parameters, 'code')
  const known = await findByDigest(context.purposeKeys, presented, (it) => context.storage.findCode(it))
  if (known === undefined) throw invalidCode('The code is not known: it was never issued, or long ago.')
  const { digest, found: code } = known
  await checkCode(context, request, code)
  if (code.used_at !== null) return refuseReplay(context, code)

  // What could fail without the database's doing fails before the code is used up.
  await findSigningKeys(context, client, code)
  const { accessTokenTtl, refreshTokenTtl, refreshTokenMaxTtl } = context.settings
  const now = context.now()
  const family = newFamily()
  const opened = await context.storage.consumeCode(
    digest,
    {
      family,
      generation: 0,
      sender_constrained: isConfidential(client) || code.dpop_jkt !== null,
      refresh_expires_at: new Date(now + Math.min(refreshTokenTtl, refreshTokenMaxTtl) * 1000),
      max_expires_at: new Date(now + refreshTokenMaxTtl * 1000),
      access_expires_at: new Date(now + accessTokenTtl * 1000),
    },
    new Date(now),
  )
  if (opened === undefined) return explainUnconsumed(context, digest, code)
  return issueUserTokens(context, {
    client,
    grantId: code.grant_id,
    userId: code.user_id,
    email: opened.email,
    resource: code.resource,
    ...leftOfGrant(code, opened),
    authTime: code.auth_time,
    dpopJkt: code.dpop_jkt ?? undefined,
    nonce: code.nonce ?? undefined,
    refresh: { family, generation: 0 },
  })
}

async function findSigningKeys(
  { signingKeys, settings }: ServerContext,
  client: Client,
  code: AuthCode,
): Promise<void> {
  await signingKeys.current(settings.signingAlg)
  if (code.scopes.includes('openid')) await signingKeys.current(client.metadata.id_token_signed_response_alg)
}

/** All that a code is bound to (RFC 9700 §2.1.1, RFC 8707 §2.2). */
async function checkCode(
  context: ServerContext,
  { client, parameters }: TokenRequest,
  code: AuthCode,
): Promise<void> {
  if (!code.client_digest.equals(client.digest)) throw invalidCode('The code was issued to another client.')
  const redirectUri = parameters.get('redirect_uri')
  // OAuth 2.1 §10.2 does without it; who sends it must send the same.
  if (redirectUri !== undefined && redirectUri !== code.redirect_uri) {
    throw invalidCode('redirect_uri differs from that of the authorization request.')
  }
  checkCodeVerifier(parameters.get('code_verifier'), code.code_challenge)
  const resource = readRepeatedResource(parameters.getAll('resource'))
  if (resource === undefined || resource === code.resource) return
  const server = code.server_id === null ? undefined : await context.storage.findServer(code.server_id)
  checkRepeatedResource(resource, { resource: code.resource, server })
}

async function refuseReplay(context: ServerContext, code: AuthCode): Promise<never> {
  const ended = await endGrant(context, code.grant_id, 'code_replay')
  if (ended > 0) {
    await context.audit.record({
      type: 'authorization_code.replayed',
      organization_id: code.organization_id,
      user_id: code.user_id,
      server_id: code.server_id ?? undefined,
    })
  }
  throw invalidCode(
    'The code was used before. What it issued has been revoked; start the authorization anew.',
  )
}

/** Another request was faster, or the code may not be used any more. */
async function explainUnconsumed(context: ServerContext, digest: Buffer, code: AuthCode): Promise<never> {
  const now = await context.storage.findCode(digest)
  if (now !== undefined && now.used_at !== null) return refuseReplay(context, code)
  if (code.expires_at.getTime() <= context.now())
    throw invalidCode('The code has expired; it is good for a minute.')
  throw invalidCode('The person has signed out, or may not use this server any more.')
}

function invalidCode(description: string): OAuthError {
  return new OAuthError('invalid_grant', description)
}
