import type { Client } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
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
