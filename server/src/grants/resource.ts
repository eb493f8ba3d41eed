import { canonicalResource, managementResource } from '../checks/resource.ts'
import { isOpenidScope, MANAGE_SCOPE } from '../checks/scope.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import type { McpServer, ResolvedServer, ServerScope } from '../storage/mcp_servers.ts'

/** What a token is for: an MCP server, the management API, or, for the issuer itself, userinfo only. */
export interface ResolvedResource {
  /** The MCP server, if it is one. */
  server: ResolvedServer | undefined
  /** The `aud` of the token: the server's URL as it was registered. */
  resource: string
  /** What it is called on the consent page; undefined for the issuer. */
  name: string | undefined
  /** The scopes that it offers of its own. */
  offered: readonly ServerScope[]
}

const MANAGEMENT_SCOPES: readonly ServerScope[] = [
  { name: MANAGE_SCOPE, description: 'Manage MCP servers, keys, clients and people of your organisation' },
]

/**
 * Resolves `resource` (RFC 8707 §2) once, at authorization; what comes out is bound to the grant. Spellings of one
 * address are compared in canonical form; a bare origin means the one server that lives there; without `resource`,
 * scopes of OpenID Connect alone mean the issuer, and otherwise the only server that can be meant.
 *
 * @throws OAuthError `invalid_target`
 */
export async function resolveResource(
  context: ServerContext,
  resources: readonly string[],
  scopes: readonly string[] | undefined,
): Promise<ResolvedResource> {
  const [resource, ...others] = new Set(resources)
  if (others.length > 0) {
    throw new OAuthError('invalid_target', 'A token is issued for one resource; send one resource parameter.')
  }
  return resource === undefined ? inferResource(context, scopes) : findResource(context, resource)
}

async function findResource(context: ServerContext, resource: string): Promise<ResolvedResource> {
  const { issuer, storage } = context
  const canonical = canonicalResource(resource)
  if (canonical === undefined) {
    throw new OAuthError(
      'invalid_target',
      'resource must be the https address of an MCP server, without a fragment.',
    )
  }
  if (canonical.url === canonicalResource(issuer.url)?.url) return ofIssuer(context)
  if (canonical.url === canonicalResource(managementResource(issuer.url))?.url) return ofManagement(context)
  const server =
    (await storage.findServerByCanonicalUrl(canonical.url)) ??
    (canonical.url === canonical.origin ? await storage.findOnlyServerByOrigin(canonical.origin) : undefined)
  if (server === undefined) {
    throw new OAuthError(
      'invalid_target',
      `No MCP server is registered here as ${resource.slice(0, 200)}. Register it, or correct the resource parameter.`,
    )
  }
  return ofServer(server)
}

async function inferResource(
  context: ServerContext,
  scopes: readonly string[] | undefined,
): Promise<ResolvedResource> {
  const ofServers = scopes?.filter((scope) => !isOpenidScope(scope))
  if (scopes?.includes('openid') && ofServers?.length === 0) {
    return ofIssuer(context)
  }
  const server = await context.storage.findOnlyServer(ofServers ?? [])
  if (server === undefined) {
    throw new OAuthError(
      'invalid_target',
      'resource is missing, and more than one MCP server, or none, could be meant. Send the address of the MCP server as resource.',
    )
  }
  return ofServer(server)
}

function ofServer(server: ResolvedServer): ResolvedResource {
  return { server, resource: server.server_url, name: server.server_name, offered: server.scopes }
}

function ofIssuer({ issuer }: ServerContext): ResolvedResource {
  return { server: undefined, resource: issuer.url, name: undefined, offered: [] }
}

function ofManagement({ issuer }: ServerContext): ResolvedResource {
  const resource = managementResource(issuer.url)
  return { server: undefined, resource, name: 'Auth-Agent management', offered: MANAGEMENT_SCOPES }
}

/**
 * Whether a person may have tokens for a resource: an MCP server by its access policy, the management API as an owner
 * or administrator, and the issuer as anybody.
 */
export async function mayUseResource(
  context: ServerContext,
  { server, resource }: Pick<ResolvedResource, 'server' | 'resource'>,
  userId: string,
): Promise<boolean> {
  if (server !== undefined) return context.storage.mayUse(server.id, userId)
  if (resource !== managementResource(context.issuer.url)) return true
  const managed = await context.storage.findManagedOrganization(userId)
  return managed !== undefined && managed.role !== 'member'
}

/**
 * Reads the `resource` that a token request repeats: any spelling of the bound one will do, never another
 * (RFC 8707 §2.2).
 *
 * @returns its canonical form to compare with, or undefined where there is none
 */
export function readRepeatedResource(resources: readonly string[]): string | undefined {
  const [resource, ...others] = new Set(resources)
  if (others.length > 0)
    throw new OAuthError('invalid_target', 'A token is issued for one resource; send one resource parameter.')
  return resource === undefined ? undefined : (canonicalResource(resource)?.url ?? resource)
}

/** Checks that a repeated `resource` means the one that the grant is bound to. */
export function checkRepeatedResource(
  resource: string | undefined,
  bound: { resource: string; server: McpServer | undefined },
): void {
  const meanings = [bound.resource, bound.server?.canonical_url, bound.server?.canonical_origin]
  if (resource !== undefined && !meanings.includes(resource)) throw otherResource(bound.resource)
}

export function otherResource(bound: string): OAuthError {
  return new OAuthError(
    'invalid_target',
    `This grant is for ${bound.slice(0, 200)}; a token for another resource needs an authorization of its own.`,
  )
}
