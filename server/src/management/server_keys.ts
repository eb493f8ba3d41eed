import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { formatApiKey } from '../checks/api_key.ts'
import type { ServerContext } from '../context.ts'
import { newId, newSecret } from '../random.ts'
import type { McpServerKey } from '../storage/mcp_server_keys.ts'
import { endKey } from '../tokens/revocation.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv } from './authentication.ts'
import { notFound } from './errors.ts'
import { exactObject, jsonBody, readJsonBody } from './json_body.ts'
import { nextCursor, pageQuery, readPage, takePage } from './pagination.ts'
import { errorResponses, jsonResponse } from './responses.ts'
import { nameSchema, serverIdParam } from './server_schemas.ts'

const TEN_YEARS = 315_576_000

const SECONDS = `must be a whole number of seconds from 1 to ${TEN_YEARS}, or null`
const seconds = z.int(SECONDS).min(1, SECONDS).max(TEN_YEARS, SECONDS)

const keyInput = exactObject({
  name: nameSchema.openapi({ example: 'production' }),
  expires_in: seconds.nullish().openapi({
    description: 'Seconds until it expires. Without it, it does not.',
    example: 31_536_000,
  }),
}).openapi('NewServerKey')

const keyExample = {
  key_id: 'key_k3vqk5yw2c7m4d6r5t2a7xj3n4',
  name: 'production',
  created_at: '2026-11-24T10:00:00.000Z',
  expires_at: null,
}
const keyFields = {
  key_id: z.string(),
  name: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
}
const keyCreated = z
  .object({
    ...keyFields,
    key_secret: z.string().openapi({ description: 'The API key. It is shown this once.' }),
  })
  .openapi('ServerKeyWithSecret', {
    example: { ...keyExample, key_secret: 'sk_k3vqk5yw2c7m4d6r5t2a7xj3n4_…' },
  })
const keyOutput = z
  .object({ ...keyFields, revoked_at: z.iso.datetime().nullable() })
  .openapi('ServerKey', { example: { ...keyExample, revoked_at: null } })

const tags = ['API keys']

const createKey = createRoute({
  method: 'post',
  path: '/{server_id}/keys',
  tags,
  summary: 'Create an API key',
  middleware: readJsonBody,
  request: { params: serverIdParam, body: jsonBody(keyInput) },
  responses: { 201: jsonResponse('The key with its secret.', keyCreated), ...errorResponses(404, 413) },
})
const listKeys = createRoute({
  method: 'get',
  path: '/{server_id}/keys',
  tags,
  summary: 'List the API keys, without their secrets',
  request: { params: serverIdParam, query: pageQuery },
  responses: {
    200: jsonResponse(
      'The keys in the order of their creation.',
      z.object({ keys: z.array(keyOutput), next_cursor: nextCursor }),
    ),
    ...errorResponses(404),
  },
})
const revokeKey = createRoute({
  method: 'delete',
  path: '/{server_id}/keys/{key_id}',
  tags,
  summary: 'Revoke an API key',
  request: {
    params: serverIdParam.extend({
      key_id: z
        .string()
        .regex(/^key_\w{1,64}$/)
        .openapi({ example: keyExample.key_id }),
    }),
  },
  responses: { 204: { description: 'It is revoked.' }, ...errorResponses(404) },
})

/** The API keys of an organisation's MCP servers. */
export function serverKeyRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(createKey, async (c) => {
    const { organizationId } = c.var.manager
    const { server_id } = c.req.valid('param')
    const { name, expires_in } = c.req.valid('json')
    const secret = newSecret()
    const now = context.now()
    const key: McpServerKey = {
      id: newId('key_'),
      organization_id: organizationId,
      server_id,
      name,
      secret_digest: context.purposeKeys.mac('digest', secret),
      created_at: new Date(now),
      expires_at: expires_in == null ? null : new Date(now + expires_in * 1000),
      revoked_at: null,
    }
    if (!(await context.storage.createServerKey(key))) throw notFound('MCP server')
    const detail = { key_id: key.id }
    await recordChange(context, c.var.manager, { type: 'server_key.created', server_id, detail })
    const { revoked_at: _, ...created } = fromKey(key)
    return c.json({ ...created, key_secret: formatApiKey({ keyId: key.id, secret }) }, 201)
  })
  routes.openapi(listKeys, async (c) => {
    const { organizationId } = c.var.manager
    const { server_id } = c.req.valid('param')
    if ((await context.storage.findOwnServer(organizationId, server_id)) === undefined)
      throw notFound('MCP server')
    const page = readPage(c.req.valid('query'))
    const keys = await context.storage.listServerKeys(organizationId, server_id, page)
    const { rows, ...cursor } = takePage(keys, page, (key) => key)
    return c.json({ keys: rows.map(fromKey), ...cursor }, 200)
  })
  routes.openapi(revokeKey, async (c) => {
    const { organizationId } = c.var.manager
    const { server_id, key_id } = c.req.valid('param')
    const named = { organization_id: organizationId, server_id, id: key_id }
    const revoked = await context.storage.revokeServerKey(named, new Date(context.now()))
    if (revoked === undefined) throw notFound('API key')
    await endKey(context, { keyId: key_id, organizationId, serverId: server_id })
    await recordChange(context, c.var.manager, { type: 'server_key.revoked', server_id, detail: { key_id } })
    return c.body(null, 204)
  })
  return routes
}

function fromKey(key: McpServerKey): z.infer<typeof keyOutput> {
  return {
    key_id: key.id,
    name: key.name,
    created_at: key.created_at.toISOString(),
    expires_at: key.expires_at?.toISOString() ?? null,
    revoked_at: key.revoked_at?.toISOString() ?? null,
  }
}
