import { parseScope } from '../checks/scope.ts'
import { type Client, isConfidential } from '../clients/client.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { ClientServer } from '../storage/clients.ts'
import { signAccessToken } from '../tokens/access_token.ts'
import type { TokenRequest } from './grant.ts'
import { readRepeatedResource, resolveResource } from './resource.ts'
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
    // What ends the client's access meanwhile, ends that of tokens up to its own moment: this one is among them.
    issuedAt: request.readSince,
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
  { servers = [] }: Client,
  resources: readonly string[],
): Promise<{ resource: string; scopes: readonly string[] }> {
  if (resources.length > 0) {
    const granted = await findAsked(context, servers, resources)
    if (granted !== undefined) return stillOffered(granted)
    throw new OAuthError('invalid_target', 'This client was given no scopes at this resource.')
  }
  const [granted, ...others] = servers
  if (granted === undefined) {
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
  return stillOffered(granted)
}

/** Most name a server of theirs in full, which takes no look into the database. */
async function findAsked(
  context: ServerContext,
  servers: readonly ClientServer[],
  resources: readonly string[],
): Promise<ClientServer | undefined> {
  const canonicalUrl = readRepeatedResource(resources)
  const named = servers.find((server) => server.canonical_url === canonicalUrl)
  if (named !== undefined) return named
  const { server } = await resolveResource(context, resources, undefined)
  return servers.find(({ server_id }) => server_id === server?.id)
}

/** A scope that the server does not offer any more is worth nothing to those who were given it. */
function stillOffered({ server_url, scopes, offered }: ClientServer): {
  resource: string
  scopes: readonly string[]
} {
  const names = offered.map((scope) => scope.name)
  return { resource: server_url, scopes: scopes.filter((scope) => names.includes(scope)) }
}
