import { parseScope } from '../checks/scope.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { RefreshedFamily, RefreshOutcome } from '../storage/tokens.ts'
import { parseRefreshToken } from '../tokens/refresh_token.ts'
import { learnRevoked } from '../tokens/revocation.ts'
import type { TokenRequest } from './grant.ts'
import { networkDigest } from './network.ts'
import { requiredParameter } from './parameters.ts'
import { otherResource, readRepeatedResource } from './resource.ts'
import { issueUserTokens, leftOfGrant, type TokenResponse } from './token_response.ts'

/** Clients wait 30 s for a refresh; what comes within twice that is a race, not a theft. In seconds. */
export const RACE_WINDOW = 60
/** This many generations in a row, each presented twice within the window, are a thief who keeps step. */
export const MAX_RACED_RUN = 5

const REFUSALS: Partial<Record<RefreshOutcome, string>> = {
  theft:
    'This refresh token was used before, so it may have been stolen: the authorization has been revoked. Sign in again.',
  revoked: 'The authorization of this refresh token was revoked. Sign in again.',
  expired: 'The refresh token has expired. Sign in again.',
  barred: 'The person or the client may not use this server any more.',
  other_client: 'The refresh token was issued to another client.',
}

/**
 * The refresh token grant (OAuth 2.1 §4.3). Tokens rotate; presenting one twice is answered with the same successor
 * where the response was lost or two processes raced, and ends the grant where it was stolen. The rule is in
 * docs/refresh_tokens.md.
 */
export async function refreshTokenGrant(
  context: ServerContext,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { client, parameters, connection } = request
  const token = parseRefreshToken(context.purposeKeys, requiredParameter(parameters, 'refresh_token'))
  if (token === undefined) {
    context.telemetry.refreshTokenPresented('forged')
    throw new OAuthError('invalid_grant', 'The refresh token was not issued here, or is mangled.')
  }
  const narrowedTo =
    parameters.get('scope') === undefined ? undefined : parseScope(parameters.get('scope') ?? '')
  const family = await context.storage.presentRefreshToken(
    {
      ...token,
      client_digest: client.digest,
      presented_from: networkDigest(context.purposeKeys, connection.clientAddress),
      resource: readRepeatedResource(parameters.getAll('resource')) ?? null,
      scopes: narrowedTo ?? null,
    },
    { raceWindow: RACE_WINDOW, maxRacedRun: MAX_RACED_RUN, ...context.settings },
    new Date(context.now()),
  )
  context.telemetry.refreshTokenPresented(family?.outcome ?? 'expired')
  if (family === undefined) throw new OAuthError('invalid_grant', REFUSALS.expired ?? '')
  await checkOutcome(context, family, client.clientId)
  return issueUserTokens(context, {
    client,
    grantId: family.grant_id,
    userId: family.user_id,
    email: family.email,
    resource: family.resource,
    // RFC 6749 §6: a narrower scope narrows this access token only, never the grant.
    ...leftOfGrant({ scopes: narrowedTo ?? family.scopes, identity: family.identity }, family),
    authTime: family.auth_time,
    dpopJkt: family.dpop_jkt ?? undefined,
    nonce: undefined,
    refresh: { family: token.family, generation: family.generation },
  })
}

async function checkOutcome(
  context: ServerContext,
  family: RefreshedFamily,
  clientId: string,
): Promise<void> {
  const event = {
    organization_id: family.organization_id,
    user_id: family.user_id,
    client_id: clientId,
    server_id: family.server_id ?? undefined,
    detail: { grant_id: family.grant_id },
  }
  switch (family.outcome) {
    case 'rotated':
      return
    case 'raced':
    case 'repeated':
      if (family.moved_network)
        await context.audit.record({ type: 'refresh_token.doubled_across_networks', ...event })
      return
    case 'ahead':
      return context.audit.record({ type: 'refresh_token.ahead_of_database', ...event })
    case 'other_resource':
      throw otherResource(family.resource)
    case 'scope_exceeded':
      throw new OAuthError(
        'invalid_scope',
        'scope goes beyond what was granted. Ask for more at the authorization endpoint.',
      )
    case 'theft':
      learnRevoked(context, 'theft', [family])
      await context.audit.record({ type: 'refresh_token.theft', ...event })
  }
  throw new OAuthError('invalid_grant', REFUSALS[family.outcome] ?? '')
}
