import type { z } from '@hono/zod-openapi'
import { type ClientMetadata, parseClientMetadata } from '../clients/metadata.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { newSecret } from '../random.ts'
import type { ClientServerScopes } from '../storage/client_server_scopes.ts'
import type { ClientRow } from '../storage/clients.ts'
import type { Tables } from '../storage/storage.ts'
import type { clientOutput } from './client_schemas.ts'

/** A new secret, and what is stored of it. */
export interface NewClientSecret {
  secret: string
  digest: Buffer
}

/** Makes a client's secret. Its prefix lets a scanner find it where it leaked. */
export function newClientSecret(context: ServerContext): NewClientSecret {
  const secret = `cs_${newSecret()}`
  return { secret, digest: context.purposeKeys.mac('digest', secret) }
}

/** Whether clients of this metadata authenticate with a secret. */
export function hasSecret(metadata: ClientMetadata): boolean {
  return metadata.token_endpoint_auth_method.startsWith('client_secret_')
}

/**
 * Checks what an owner says of a client (RFC 7591 §2), and what it may ask in its own name.
 *
 * @throws OAuthError `invalid_client_metadata`, `invalid_redirect_uri`
 */
export function checkRegistration(input: object, servers: readonly ClientServerScopes[]): ClientMetadata {
  const metadata = parseClientMetadata(input)
  const asksForItself = metadata.grant_types.includes('client_credentials')
  if (asksForItself && metadata.token_endpoint_auth_method === 'none') {
    refuse(
      'client_credentials is for clients that authenticate: choose another token_endpoint_auth_method (RFC 6749 section 4.4).',
    )
  }
  if (!asksForItself && servers.length > 0) {
    refuse(
      'servers is for clients with the grant client_credentials: add it to grant_types, or leave servers out.',
    )
  }
  return metadata
}

/** Checks that every server is the organisation's own and offers the scopes. */
export async function checkServers(
  tables: Tables,
  organizationId: string,
  servers: readonly ClientServerScopes[],
): Promise<void> {
  if (new Set(servers.map((entry) => entry.server_id)).size < servers.length)
    refuse('servers names a server twice.')
  for (const entry of servers) {
    const server = await tables.findOwnServer(organizationId, entry.server_id)
    if (server === undefined) refuse(`servers: there is no MCP server ${entry.server_id}.`)
    const unknown = entry.scopes.find((name) => !server.scopes.some((offered) => offered.name === name))
    if (unknown !== undefined) refuse(`servers: ${entry.server_id} does not offer the scope ${unknown}.`)
  }
}

/** A client in the words of RFC 7591 §3.2.1, with its secret where one was just made. */
export function fromClient(
  row: ClientRow,
  servers: readonly ClientServerScopes[],
  secret?: NewClientSecret,
): z.infer<typeof clientOutput> {
  const { redirect_uris, grant_types, post_logout_redirect_uris, jwks, ...rest } = parseClientMetadata(
    row.metadata,
  )
  return {
    client_id: row.client_id,
    client_id_issued_at: Math.floor(row.created_at.getTime() / 1000),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    ...(secret !== undefined && { client_secret: secret.secret, client_secret_expires_at: 0 }),
    ...rest,
    redirect_uris: [...redirect_uris],
    grant_types: [...grant_types],
    ...(post_logout_redirect_uris !== undefined && {
      post_logout_redirect_uris: [...post_logout_redirect_uris],
    }),
    ...(jwks !== undefined && { jwks: { keys: [...jwks.keys] } }),
    servers: servers.map(({ server_id, scopes }) => ({ server_id, scopes: [...scopes] })),
  }
}

function refuse(description: string): never {
  throw new OAuthError('invalid_client_metadata', description)
}
