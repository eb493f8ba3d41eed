import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { cacheableDocument, respondCacheable } from '../http/cacheable.ts'

/**
 * Metadata of a protected resource (RFC 9728 §2): of a registered MCP server by its id, or of the management API. An
 * MCP server's own SDK serves the same on the server's well-known paths; `resource` is the URL as it was registered,
 * since clients compare it with the one that they were given.
 */
export async function protectedResource(
  context: ServerContext,
  request: Request,
  serverId: string | undefined,
): Promise<Response> {
  return respondCacheable(request, cacheableDocument(await describe(context, serverId)))
}

async function describe({ issuer, storage }: ServerContext, serverId: string | undefined): Promise<object> {
  const shared = { authorization_servers: [issuer.url], bearer_methods_supported: ['header'] }
  if (serverId === undefined) {
    const resource = `${issuer.url}/api`
    return { resource, ...shared, scopes_supported: ['manage'], resource_name: 'Auth-Agent management API' }
  }
  const server = /^srv_\w{1,64}$/.test(serverId) ? await storage.findServer(serverId) : undefined
  if (server === undefined) throw new OAuthError('not_found', 'No MCP server is registered under this id.')
  return {
    resource: server.server_url,
    ...shared,
    scopes_supported: server.scopes.map((scope) => scope.name),
    resource_name: server.server_name,
  }
}
