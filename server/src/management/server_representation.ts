import type { z } from '@hono/zod-openapi'
import { checkServerUrl } from '../checks/resource.ts'
import type { McpServer, ServerScope } from '../storage/mcp_servers.ts'
import type { accessSchema, scopesSchema, serverChange, serverInput, serverOutput } from './server_schemas.ts'

type Access = Pick<McpServer, 'access_mode' | 'access_emails' | 'access_domains'>

/** The row of a new server. Throws `invalid_request` where its address is none. */
export function toServer(
  input: z.infer<typeof serverInput>,
  { id, organizationId, now }: { id: string; organizationId: string; now: Date },
): McpServer {
  return {
    id,
    organization_id: organizationId,
    ...toAddress(input.server_url),
    server_name: input.server_name,
    description: input.description || null,
    logo_url: input.logo_url ?? null,
    scopes: toScopes(input.scopes),
    identity: input.identity,
    ...toAccess(input.access),
    created_at: now,
    updated_at: now,
  }
}

/** The row of a server after a change: what was left out stays, null empties. */
export function changeServer(server: McpServer, change: z.infer<typeof serverChange>, now: Date): McpServer {
  return {
    ...server,
    ...(change.server_url !== undefined && toAddress(change.server_url)),
    ...(change.server_name !== undefined && { server_name: change.server_name }),
    ...(change.description !== undefined && { description: change.description || null }),
    ...(change.logo_url !== undefined && { logo_url: change.logo_url }),
    ...(change.scopes !== undefined && { scopes: toScopes(change.scopes) }),
    ...(change.identity !== undefined && { identity: change.identity }),
    ...(change.access !== undefined && toAccess(change.access)),
    updated_at: now,
  }
}

/** The server in the words of the API. */
export function fromServer(server: McpServer): z.infer<typeof serverOutput> {
  return {
    server_id: server.id,
    server_url: server.server_url,
    server_name: server.server_name,
    scopes: server.scopes.map(fromScope),
    created_at: server.created_at.toISOString(),
    updated_at: server.updated_at.toISOString(),
    description: server.description,
    logo_url: server.logo_url,
    identity: [...server.identity],
    access: fromAccess(server),
  }
}

function toAddress(text: string): Pick<McpServer, 'server_url' | 'canonical_url' | 'canonical_origin'> {
  const canonical = checkServerUrl(text)
  return { server_url: text, canonical_url: canonical.url, canonical_origin: canonical.origin }
}

function toScopes(scopes: z.infer<typeof scopesSchema>): ServerScope[] {
  return scopes.map((scope) => {
    if (typeof scope === 'string') return { name: scope }
    return {
      name: scope.name,
      ...(scope.description !== undefined && { description: scope.description }),
      ...(scope.default !== undefined && { default: scope.default }),
    }
  })
}

/** A scope that is nothing but a name comes back as it was most likely sent. */
function fromScope(scope: ServerScope): string | ServerScope {
  return Object.keys(scope).length === 1 ? scope.name : scope
}

function toAccess(access: z.infer<typeof accessSchema>): Access {
  if (typeof access === 'string') return { access_mode: access, access_emails: [], access_domains: [] }
  return {
    access_mode: 'listed',
    access_emails: [...new Set(access.emails)],
    access_domains: [...new Set(access.domains)],
  }
}

function fromAccess(server: Access): z.infer<typeof serverOutput>['access'] {
  if (server.access_mode !== 'listed') return server.access_mode
  return { emails: [...server.access_emails], domains: [...server.access_domains] }
}
