import { parseScope } from '../checks/scope.ts'
import { type Client, isConfidential } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { McpServer } from '../storage/mcp_servers.ts'
import { signAccessToken } from '../tokens/access_token.ts'
import type { TokenRequest } from './grant.ts'
import { resolveResource } from './resource.ts'
import type { TokenResponse } from './token_response.ts'

/**
 * The client credentials grant (OAuth 2.1 §4.2), for clients that the owner of a server has registered and given
 * scopes there. The subject is the client itself (RFC 9068 §2.2), and nothing is written.
 */
export async function clientCredentials(
  context: ServerContext,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { client, parameters } = request
  if (client.source !== 'registered' || !isConfidential(client)) {
    throw new OAuthError(
      'unauthorized_client',
      'Client credentials are for registered clients that authenticate.',
    )
  }
  const granted = await findGranted(context, client, parameters.getAll('resource'))
  const scope = parameters.get('scope')
  const asked = scope === undefined ? granted.scopes : parseScope(scope)
  const scopes = asked.filter((name) => granted.scopes.includes(name))
  if (scopes.length === 0) {
    throw new OAuthError(
      'invalid_scope',
      `None of these scopes was given to this client. It may ask for: ${granted.scopes.join(' ').slice(0, 500)}.`,
    )
  }
  const access_token = await signAccessToken(context, {
    sub: client.clientId,
    clientId: client.clientId,
    resource: granted.resource,
    scopes,
  })
  return {
    access_token,
    token_type: 'Bearer',
    expires_in: context.settings.accessTokenTtl,
    scope: scopes.join(' '),
  }
}

/** The server that is asked for, or the only one where the client was given something, and what that is. */
async function findGranted(
  context: ServerContext,
  client: Client,
  resources: readonly string[],
): Promise<{ resource: string; scopes: readonly string[] }> {
  const { storage } = context
  if (resources.length > 0) {
    const { server } = await resolveResource(context, resources, undefined)
    const granted = server && (await storage.findClientServerScopes(client.digest, server.id))
    if (server !== undefined && granted !== undefined) return stillOffered(server, granted.scopes)
    throw new OAuthError('invalid_target', 'This client was given no scopes at this resource.')
  }
  const [granted, ...others] = await storage.listClientServerScopes(client.organizationId, client.digest)
  const server = granted && (await storage.findServer(granted.server_id))
  if (granted === undefined || server === undefined) {
    throw new OAuthError(
      'invalid_target',
      'This client was given no scopes at any MCP server. Its administrator gives them.',
    )
  }
  if (others.length > 0) {
    throw new OAuthError(
      'invalid_target',
      'This client may use several MCP servers: send the address of one as resource.',
    )
  }
  return stillOffered(server, granted.scopes)
}

/** A scope that the server does not offer any more is worth nothing to those who were given it. */
function stillOffered(
  server: McpServer,
  scopes: readonly string[],
): { resource: string; scopes: readonly string[] } {
  const offered = server.scopes.map((scope) => scope.name)
  return { resource: server.server_url, scopes: scopes.filter((scope) => offered.includes(scope)) }
}
