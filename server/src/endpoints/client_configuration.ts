import { z } from 'zod'
import { findBearerToken } from '../checks/authorization_header.ts'
import { clientDigest } from '../clients/client.ts'
import { type ClientMetadata, parseClientMetadata } from '../clients/metadata.ts'
import { isRegistrationAccessToken, registrationAccessToken } from '../clients/registration_access_token.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { NO_STORE_FOR_ANY_ORIGIN } from '../http/cors.ts'
import { readJson } from '../http/json_body.ts'
import { jsonResponse } from '../http/json_response.ts'
import type { ClientRow } from '../storage/clients.ts'
import { removeClient } from '../tokens/client_removal.ts'

/**
 * The client configuration endpoint (RFC 7592), for clients that an owner has registered. Clients that registered
 * themselves have no row, and many installations share one id, so nobody manages those.
 */
export async function clientConfiguration(
  context: ServerContext,
  request: Request,
  clientId: string,
): Promise<Response> {
  const row = await authenticate(context, request, clientId)
  switch (request.method) {
    case 'PUT':
      return jsonResponse(describe(context, await replace(context, request, row)), NO_STORE_FOR_ANY_ORIGIN)
    case 'DELETE':
      await removeClient(context, row)
      await record(context, row, 'client.removed')
      return new Response(null, { status: 204, headers: NO_STORE_FOR_ANY_ORIGIN })
    default:
      return jsonResponse(describe(context, row), NO_STORE_FOR_ANY_ORIGIN)
  }
}

/** §3: who has no valid token learns only that, whether or not there is such a client. */
async function authenticate(context: ServerContext, request: Request, clientId: string): Promise<ClientRow> {
  const token = findBearerToken(request.headers.get('Authorization'))
  const row = await context.storage.findRegisteredClient(clientDigest(clientId))
  if (row !== undefined && isRegistrationAccessToken(context.purposeKeys, row, token ?? '')) return row
  throw new OAuthError(
    'invalid_token',
    'Send the registration_access_token of this client as a Bearer token.',
    {
      headers: { 'WWW-Authenticate': token === undefined ? 'Bearer' : 'Bearer error="invalid_token"' },
    },
  )
}

/** §3, but for the secret, which is shown once and stored as a digest. */
function describe(context: ServerContext, row: ClientRow): object {
  return {
    client_id: row.client_id,
    client_id_issued_at: Math.floor(row.created_at.getTime() / 1000),
    ...parseClientMetadata(row.metadata),
    registration_access_token: registrationAccessToken(context.purposeKeys, row),
    registration_client_uri: `${context.issuer.url}/register/${row.client_id}`,
  }
}

const identification = z.looseObject({ client_id: z.string(), client_secret: z.string().optional() })

/** §2.2: the whole metadata is replaced. What the owner allowed may become less by it, never more. */
async function replace(
  context: ServerContext,
  request: Request,
  { organization_id, digest }: ClientRow,
): Promise<ClientRow> {
  const body = await readJson(request)
  const sent = identification.safeParse(body)
  const metadata = parseClientMetadata(body)
  const changed = await context.storage.transaction(async (tables) => {
    const row = await tables.findOwnClientForUpdate(organization_id, digest)
    if (row === undefined || sent.data?.client_id !== row.client_id)
      refuse('client_id must be that of this client.')
    checkSecret(context, row, sent.data.client_secret)
    checkNoMore(metadata, parseClientMetadata(row.metadata))
    const now = new Date(context.now())
    await tables.changeRegisteredClient({ ...row, metadata }, now)
    return { ...row, metadata, updated_at: now }
  })
  await record(context, changed, 'client.changed')
  return changed
}

/** §2.2: the secret may be sent along, and must then be the one that it has; it is not changed by it. */
function checkSecret({ purposeKeys }: ServerContext, row: ClientRow, secret: string | undefined): void {
  if (secret === undefined) return
  if (row.secret_digest !== null && purposeKeys.isMac('digest', secret, row.secret_digest)) return
  refuse('client_secret is not that of this client.')
}

function checkNoMore(after: ClientMetadata, before: ClientMetadata): void {
  if (after.token_endpoint_auth_method !== before.token_endpoint_auth_method) {
    refuse('token_endpoint_auth_method is for the owner of this client to change.')
  }
  if (after.grant_types.some((type) => !before.grant_types.includes(type))) {
    refuse(`grant_types may hold no more than ${before.grant_types.join(', ')}.`)
  }
  const allowed = before.scope?.split(' ')
  const asked = after.scope?.split(' ')
  if (allowed !== undefined && (asked === undefined || asked.some((name) => !allowed.includes(name)))) {
    refuse(`scope may hold no more than ${allowed.join(' ')}.`)
  }
}

function record(context: ServerContext, row: ClientRow, type: string): Promise<void> {
  const { organization_id, client_id } = row
  return context.audit.record({ type, organization_id, client_id, detail: { by: 'client' } })
}

function refuse(description: string): never {
  throw new OAuthError('invalid_client_metadata', description)
}
