import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { clientDigest } from '../clients/client.ts'
import { parseClientMetadata } from '../clients/metadata.ts'
import { registrationAccessToken } from '../clients/registration_access_token.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newId } from '../random.ts'
import type { ClientServerScopes } from '../storage/client_server_scopes.ts'
import type { ClientRow } from '../storage/clients.ts'
import { removeClient } from '../tokens/client_removal.ts'
import { endTokensOfClient, type NamedClient } from '../tokens/revocation.ts'
import { recordChange } from './audit.ts'
import type { ManagementEnv, Manager } from './authentication.ts'
import { clientChange, clientIdParam, clientInput, clientOutput, secretOutput } from './client_schemas.ts'
import { notFound } from './errors.ts'
import { jsonBody, readJsonBody } from './json_body.ts'
import { nextCursor, pageQuery, readPage, takePage } from './pagination.ts'
import {
  checkRegistration,
  checkServers,
  fromClient,
  hasSecret,
  type NewClientSecret,
  newClientSecret,
} from './registered_client.ts'
import { errorResponses, jsonResponse } from './responses.ts'

const tags = ['Clients']

const createClient = createRoute({
  method: 'post',
  path: '/',
  tags,
  summary: 'Register a client',
  middleware: readJsonBody,
  request: { body: jsonBody(clientInput) },
  responses: { 201: jsonResponse('The client, with its secret.', clientOutput), ...errorResponses(413) },
})
const listClients = createRoute({
  method: 'get',
  path: '/',
  tags,
  summary: 'List the registered clients',
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(
      'The clients in the order of their registration.',
      z.object({ clients: z.array(clientOutput), next_cursor: nextCursor }),
    ),
    ...errorResponses(),
  },
})
const getClient = createRoute({
  method: 'get',
  path: '/{client_id}',
  tags,
  summary: 'Read a registered client',
  request: { params: clientIdParam },
  responses: { 200: jsonResponse('The client.', clientOutput), ...errorResponses(404) },
})
const patchClient = createRoute({
  method: 'patch',
  path: '/{client_id}',
  tags,
  summary: 'Change a registered client',
  middleware: readJsonBody,
  request: { params: clientIdParam, body: jsonBody(clientChange) },
  responses: {
    200: jsonResponse('The client as it is now, with a secret where it needs its first.', clientOutput),
    ...errorResponses(404, 413),
  },
})
const deleteClient = createRoute({
  method: 'delete',
  path: '/{client_id}',
  tags,
  summary: 'Remove a registered client and all its access',
  request: { params: clientIdParam },
  responses: { 204: { description: 'It is removed.' }, ...errorResponses(404) },
})
const rotateSecret = createRoute({
  method: 'post',
  path: '/{client_id}/secret',
  tags,
  summary: "Replace a client's secret; the old one ends at once",
  request: { params: clientIdParam },
  responses: { 201: jsonResponse('The new secret.', secretOutput), ...errorResponses(404) },
})

/** The clients that an organisation has registered. */
export function clientRoutes(context: ServerContext): OpenAPIHono<ManagementEnv> {
  const routes = new OpenAPIHono<ManagementEnv>()

  routes.openapi(createClient, async (c) => {
    const created = await storeClient(context, c.var.manager, c.req.valid('json'))
    await recordChange(context, c.var.manager, { type: 'client.created', client_id: created.client_id })
    return c.json(created, 201)
  })
  routes.openapi(listClients, async (c) => {
    const { organizationId } = c.var.manager
    const page = readPage(c.req.valid('query'))
    const clients = await context.storage.listRegisteredClients(organizationId, page)
    const { rows, ...cursor } = takePage(clients, page, (row) => ({
      created_at: row.created_at,
      id: row.client_id,
    }))
    const answers = await Promise.all(
      rows.map(async (row) =>
        fromClient(row, await context.storage.listClientServerScopes(organizationId, row.digest)),
      ),
    )
    return c.json({ clients: answers, ...cursor }, 200)
  })
  routes.openapi(getClient, async (c) => {
    const { organizationId } = c.var.manager
    const row = await findOwnClient(context, organizationId, c.req.valid('param').client_id)
    return c.json(
      fromClient(row, await context.storage.listClientServerScopes(organizationId, row.digest)),
      200,
    )
  })
  routes.openapi(patchClient, async (c) => {
    const { client_id } = c.req.valid('param')
    const change = c.req.valid('json')
    const changed = await changeClient(context, c.var.manager, client_id, change)
    // Less may be left to it now; what it got before ends, and it asks again.
    if (change.servers !== undefined) await endTokensOfClient(context, namedClient(c.var.manager, client_id))
    const detail = { changed: Object.keys(change) }
    await recordChange(context, c.var.manager, { type: 'client.changed', client_id, detail })
    return c.json(changed, 200)
  })
  routes.openapi(deleteClient, async (c) => {
    const { organizationId } = c.var.manager
    const { client_id } = c.req.valid('param')
    await removeClient(context, await findOwnClient(context, organizationId, client_id))
    await recordChange(context, c.var.manager, { type: 'client.removed', client_id })
    return c.body(null, 204)
  })
  routes.openapi(rotateSecret, async (c) => {
    const { client_id } = c.req.valid('param')
    const secret = await replaceSecret(context, c.var.manager, client_id)
    await endTokensOfClient(context, namedClient(c.var.manager, client_id))
    await recordChange(context, c.var.manager, { type: 'client.secret_replaced', client_id })
    const replaced = {
      client_id,
      client_secret: secret.secret,
      client_secret_expires_at: 0 as const,
      registration_access_token: registrationAccessToken(context.purposeKeys, {
        client_id,
        secret_digest: secret.digest,
      }),
    }
    return c.json(replaced, 201)
  })
  return routes
}

function namedClient({ organizationId }: Manager, clientId: string): NamedClient {
  return { organizationId, clientId, digest: clientDigest(clientId) }
}

async function findOwnClient(
  context: ServerContext,
  organizationId: string,
  clientId: string,
): Promise<ClientRow> {
  const row = await context.storage.findRegisteredClient(clientDigest(clientId))
  if (row === undefined || row.organization_id !== organizationId) throw notFound('registered client')
  return row
}

async function storeClient(
  context: ServerContext,
  { organizationId }: Manager,
  { servers = [], ...input }: z.infer<typeof clientInput>,
): Promise<z.infer<typeof clientOutput>> {
  const metadata = checkRegistration(input, servers)
  const secret = hasSecret(metadata) ? newClientSecret(context) : undefined
  const client_id = newId('cli_')
  const now = new Date(context.now())
  const row = {
    digest: clientDigest(client_id),
    client_id,
    organization_id: organizationId,
    source: 'registered' as const,
    metadata,
    secret_digest: secret?.digest ?? null,
  }
  await context.storage.transaction(async (tables) => {
    await checkServers(tables, organizationId, servers)
    await tables.storeClient(row, now)
    await tables.replaceClientServerScopes(organizationId, row.digest, servers)
  })
  return {
    ...fromClient({ ...row, created_at: now, updated_at: now }, servers, secret),
    registration_access_token: registrationAccessToken(context.purposeKeys, row),
    registration_client_uri: `${context.issuer.url}/register/${client_id}`,
  }
}

function changeClient(
  context: ServerContext,
  { organizationId }: Manager,
  clientId: string,
  { servers: newServers, ...change }: z.infer<typeof clientChange>,
): Promise<z.infer<typeof clientOutput>> {
  const now = new Date(context.now())
  return context.storage.transaction(async (tables) => {
    const row = await tables.findOwnClientForUpdate(organizationId, clientDigest(clientId))
    if (row === undefined) throw notFound('registered client')
    const servers: readonly ClientServerScopes[] =
      newServers ?? (await tables.listClientServerScopes(organizationId, row.digest))
    const metadata = checkRegistration(applyChange(parseClientMetadata(row.metadata), change), servers)
    if (newServers !== undefined) await checkServers(tables, organizationId, newServers)
    const secret = hasSecret(metadata) && row.secret_digest === null ? newClientSecret(context) : undefined
    const secret_digest = hasSecret(metadata) ? (secret?.digest ?? row.secret_digest) : null
    const changed = { ...row, metadata, secret_digest, updated_at: now }
    await tables.changeRegisteredClient(changed, now)
    if (newServers !== undefined)
      await tables.replaceClientServerScopes(organizationId, row.digest, newServers)
    return fromClient(changed, servers, secret)
  })
}

/** What is left out stays, null removes. */
function applyChange(metadata: object, change: object): object {
  return Object.fromEntries(Object.entries({ ...metadata, ...change }).filter(([, value]) => value !== null))
}

function replaceSecret(
  context: ServerContext,
  { organizationId }: Manager,
  clientId: string,
): Promise<NewClientSecret> {
  return context.storage.transaction(async (tables) => {
    const row = await tables.findOwnClientForUpdate(organizationId, clientDigest(clientId))
    if (row === undefined) throw notFound('registered client')
    const metadata = parseClientMetadata(row.metadata)
    if (!hasSecret(metadata)) {
      throw new OAuthError(
        'invalid_request',
        `This client has no secret: its token_endpoint_auth_method is ${metadata.token_endpoint_auth_method}.`,
      )
    }
    const secret = newClientSecret(context)
    await tables.changeRegisteredClient({ ...row, secret_digest: secret.digest }, new Date(context.now()))
    return secret
  })
}
