import { authenticateClient } from '../authentication/client_authentication.ts'
import { authenticateServer, isServerRequest } from '../authentication/server_authentication.ts'
import { canonicalResource } from '../checks/resource.ts'
import { ROOT_ORGANIZATION } from '../clients/directory.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { readTokenParameters, requiredToken } from '../http/token_parameters.ts'
import { type AccessTokenClaims, findActiveClaims, tokenDenial } from '../tokens/access_token.ts'
import { parseRefreshToken } from '../tokens/refresh_token.ts'
import { deny, endFamily } from '../tokens/revocation.ts'

/**
 * Revocation (RFC 7009): of a client's own tokens by the client, and of access tokens for a server by that server's API
 * key. A refresh token ends its whole grant, with every access token of it; an access token ends alone. A token
 * that means nothing to us is as good as revoked, and answered so (§2.2).
 */
export async function revocation(context: ServerContext, request: Request): Promise<Response> {
  await (isServerRequest(request) ? revokeForServer(context, request) : revokeForClient(context, request))
  return new Response(null, { status: 200, headers: NO_STORE_FOR_ANY_ORIGIN })
}

async function revokeForServer(context: ServerContext, request: Request): Promise<void> {
  const key = await authenticateServer(context, request)
  const claims = await findActiveClaims(context, requiredToken(await readTokenParameters(request)))
  if (claims === undefined) return
  if (claims.aud !== key.server_url) throw notYours('for another server')
  await deny(context, tokenDenial(claims, key))
}

async function revokeForClient(context: ServerContext, request: Request): Promise<void> {
  const parameters = await readTokenParameters(request)
  const client = await authenticateClient(context, request, parameters)
  const token = requiredToken(parameters)
  const family = parseRefreshToken(context.purposeKeys, token)
  if (family !== undefined) {
    // A family of another client does not change, and is not told from one that has ended.
    await endFamily(context, family.family, client.digest)
    return
  }
  const claims = await findActiveClaims(context, token)
  if (claims === undefined) return
  if (claims.client_id !== client.clientId) throw notYours('issued to another client')
  await deny(context, tokenDenial(claims, await findAudience(context, claims)))
}

/** Whose token it is: an MCP server's, or, for our own endpoints, nobody else's. */
async function findAudience(
  context: ServerContext,
  claims: AccessTokenClaims,
): Promise<{ organization_id: string; server_id: string | null }> {
  const server = await context.storage.findServerByCanonicalUrl(canonicalResource(claims.aud)?.url ?? '')
  return { organization_id: server?.organization_id ?? ROOT_ORGANIZATION, server_id: server?.id ?? null }
}

function notYours(why: string): OAuthError {
  return new OAuthError('invalid_request', `This token is ${why}; only its own client or server revokes it.`)
}
