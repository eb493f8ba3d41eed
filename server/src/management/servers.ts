import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { canonicalResource, managementResource } from '../checks/resource.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newId } from '../random.ts'
import type { McpServer } from '../storage/mcp_servers.ts'
import { endAllOfServer, endDisallowed, endKey } from '../tokens/revocation.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv } from './authentication.ts'
import { notFound } from './errors.ts'
import { jsonBody, readJsonBody } from './json_body.ts'
import { nextCursor, pageQuery, readPage, takePage } from './pagination.ts'
import { errorResponses, jsonResponse } from './responses.ts'
import { changeServer, fromServer, toServer } from './server_representation.ts'
import { serverChange, serverIdParam, serverInput, serverOutput } from './server_schemas.ts'

const tags = ['MCP servers']

const createServer = createRoute({
  method: 'post',
  path: '/',
  tags,
  summary: 'Register an MCP server',
  middleware: readJsonBody,
  request: { body: jsonBody(serverInput) },
  responses: { 201: jsonResponse('It is registered.', serverOutput), ...errorResponses(409, 413) },
})
const listServers = createRoute({
  method: 'get',
  path: '/',
  tags,
  summary: 'List the MCP servers',
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(
      'The servers in the order of their registration.',
      z.object({ servers: z.array(serverOutput), next_cursor: nextCursor }),
    ),
    ...errorResponses(),
  },
})
const getServer = createRoute({
  method: 'get',
  path: '/{server_id}',
  tags,
  summary: 'Read an MCP server',
  request: { params: serverIdParam },
  responses: { 200: jsonResponse('The server.', serverOutput), ...errorResponses(404) },
})
const patchServer = createRoute({
  method: 'patch',
  path: '/{server_id}',
  tags,
  summary: 'Change an MCP server',
  middleware: readJsonBody,
  request: { params: serverIdParam, body: jsonBody(serverChange) },
  responses: {
    200: jsonResponse('The server as it is now.', serverOutput),
    ...errorResponses(404, 409, 413),
  },
})
const deleteServer = createRoute({
  method: 'delete',
  path: '/{server_id}',
  tags,
  summary: 'Remove an MCP server, its keys, and every access to it',
  request: { params: serverIdParam },
  responses: { 204: { description: 'It is removed.' }, ...errorResponses(404) },
})

/** The MCP servers of an organisation. */
export function serverRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(createServer, async (c) => {
    const { organizationId } = c.var.manager
    const now = new Date(context.now())
    const server = toServer(c.req.valid('json'), { id: newId('srv_'), organizationId, now })
    checkNotOurs(context, server)
    if (!(await context.storage.createServer(server))) throw addressTaken()
    await recordChange(context, c.var.manager, { type: 'server.created', server_id: server.id })
    return c.json(fromServer(server), 201)
  })
  routes.openapi(listServers, async (c) => {
    const page = readPage(c.req.valid('query'))
    const servers = await context.storage.listServers(c.var.manager.organizationId, page)
    const { rows, ...cursor } = takePage(servers, page, (server) => server)
    return c.json({ servers: rows.map(fromServer), ...cursor }, 200)
  })
  routes.openapi(getServer, async (c) => {
    const { organizationId } = c.var.manager
    const server = await context.storage.findOwnServer(organizationId, c.req.valid('param').server_id)
    if (server === undefined) throw notFound('MCP server')
    return c.json(fromServer(server), 200)
  })
  routes.openapi(patchServer, async (c) => {
    const { organizationId } = c.var.manager
    const change = c.req.valid('json')
    const { before, after } = await storeChange(
      context,
      organizationId,
      c.req.valid('param').server_id,
      (server) => changeServer(server, change, new Date(context.now())),
    )
    if (before.server_url !== after.server_url) await endAllOfServer(context, before)
    if (change.access !== undefined) await endDisallowed(context, after.id)
    const detail = { changed: Object.keys(change) }
    await recordChange(context, c.var.manager, { type: 'server.changed', server_id: after.id, detail })
    return c.json(fromServer(after), 200)
  })
  routes.openapi(deleteServer, async (c) => {
    await removeServer(context, c.var.manager.organizationId, c.req.valid('param').server_id)
    await recordChange(context, c.var.manager, {
      type: 'server.removed',
      server_id: c.req.valid('param').server_id,
    })
    return c.body(null, 204)
  })
  return routes
}

function storeChange(
  context: ServerContext,
  organizationId: string,
  serverId: string,
  change: (server: McpServer) => McpServer,
): Promise<{ before: McpServer; after: McpServer }> {
  return context.storage.transaction(async (tables) => {
    const before = await tables.findOwnServerForUpdate(organizationId, serverId)
    if (before === undefined) throw notFound('MCP server')
    const after = change(before)
    checkNotOurs(context, after)
    if (!(await tables.replaceServer(after))) throw addressTaken()
    // Another address is another server: what people approved for the old one is asked about anew.
    if (before.server_url !== after.server_url) await tables.forgetAuthorizationsOfServer(serverId)
    return { before, after }
  })
}

async function removeServer(context: ServerContext, organizationId: string, serverId: string): Promise<void> {
  const server = await context.storage.findOwnServer(organizationId, serverId)
  if (server === undefined) throw notFound('MCP server')
  const keys = await context.storage.listServerKeys(organizationId, serverId, {
    limit: 10_000,
    after: undefined,
  })
  await endAllOfServer(context, server)
  if (!(await context.storage.removeServer(organizationId, serverId))) throw notFound('MCP server')
  for (const key of keys) await endKey(context, { keyId: key.id, organizationId, serverId })
  // Once more, for what was issued until the row was gone.
  await endAllOfServer(context, server)
}

/** A token for the issuer opens userinfo, one for the management API this: neither may be had by way of a server. */
function checkNotOurs(context: ServerContext, server: McpServer): void {
  const ours = [context.issuer.url, managementResource(context.issuer.url)].map(
    (url) => canonicalResource(url)?.url,
  )
  if (ours.includes(server.canonical_url)) {
    throw new OAuthError('invalid_request', 'server_url is an address of the authorization server itself.')
  }
}

function addressTaken(): OAuthError {
  return new OAuthError(
    'conflict',
    'Another MCP server is registered for this address. Change that one, or remove it first; an address belongs to one server.',
  )
}
