import { isOpenidScope } from '../checks/scope.ts'
import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { ServerScope } from '../storage/mcp_servers.ts'
import { signAccessToken } from '../tokens/access_token.ts'
import { signIdToken } from '../tokens/id_token.ts'
import { type RefreshTokenParts, refreshToken } from '../tokens/refresh_token.ts'

/** The body of a successful token response (OAuth 2.1 §3.2.3, OpenID Connect Core §3.1.3.3). */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  /** In seconds. */
  expires_in: number
  /** Always said, since it may be less than was asked for (RFC 6749 §5.1). */
  scope: string
  refresh_token?: string
  id_token?: string
}

/** A person's grant as tokens are issued under it. */
export interface UserGrant {
  client: Client
  grantId: string
  userId: string
  email: string
  resource: string
  scopes: readonly string[]
  /** What the MCP server may see of the person, by their consent. */
  identity: readonly string[]
  authTime: Date
  dpopJkt: string | undefined
  nonce: string | undefined
  refresh: RefreshTokenParts
}

/** What a server offers and sees now; null where there is no server. */
export interface CurrentServer {
  server_scopes: readonly ServerScope[] | null
  server_identity: readonly string[] | null
}

/**
 * What is left of a grant: a scope that its server has given up meanwhile is not issued any more, and what the server
 * has given up to see of a person is not shown to it.
 *
 * @throws OAuthError `invalid_grant` where nothing is left
 */
export function leftOfGrant(
  { scopes, identity }: Pick<UserGrant, 'scopes' | 'identity'>,
  { server_scopes, server_identity }: CurrentServer,
): Pick<UserGrant, 'scopes' | 'identity'> {
  if (server_scopes === null) return { scopes, identity }
  const offered = server_scopes.map((scope) => scope.name)
  const left = scopes.filter((scope) => offered.includes(scope) || isOpenidScope(scope))
  if (left.every((scope) => scope === 'offline_access')) {
    throw new OAuthError(
      'invalid_grant',
      'The server offers none of these scopes any more. Ask for authorization anew.',
    )
  }
  return { scopes: left, identity: identity.filter((claim) => server_identity?.includes(claim)) }
}

/** Issues the tokens of a person's grant. Nothing is written. */
export async function issueUserTokens(context: ServerContext, grant: UserGrant): Promise<TokenResponse> {
  const { client, scopes } = grant
  const access_token = await signAccessToken(context, {
    sub: grant.userId,
    clientId: client.clientId,
    resource: grant.resource,
    scopes,
    authTime: grant.authTime,
    grantId: grant.grantId,
    email: grant.identity.includes('email') ? grant.email : undefined,
    dpopJkt: grant.dpopJkt,
  })
  const id_token = scopes.includes('openid')
    ? await signIdToken(context, {
        sub: grant.userId,
        clientId: client.clientId,
        alg: client.metadata.id_token_signed_response_alg,
        authTime: grant.authTime,
        nonce: grant.nonce,
        email: scopes.includes('email') ? grant.email : undefined,
        accessToken: access_token,
      })
    : undefined
  return {
    access_token,
    token_type: 'Bearer',
    expires_in: context.settings.accessTokenTtl,
    scope: scopes.join(' '),
    ...(client.metadata.grant_types.includes('refresh_token') && {
      refresh_token: refreshToken(context.purposeKeys, grant.refresh),
    }),
    ...(id_token !== undefined && { id_token }),
  }
}
