import { z } from '@hono/zod-openapi'
import { ID_TOKEN_ALGS } from '../clients/metadata.ts'
import { exactObject } from './json_body.ts'

/** What a client may ask of MCP servers in its own name. */
export const clientServers = z
  .array(
    exactObject({
      server_id: z.string().max(100),
      scopes: z.array(z.string().max(100)).min(1, 'must name one scope or more').max(100),
    }),
  )
  .max(100)
  .openapi({
    description: 'For the grant client_credentials: which scopes the client may ask of which MCP server.',
    example: [{ server_id: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4', scopes: ['files:read'] }],
  })

/**
 * Members of RFC 7591 §2 are described here and checked by clients/metadata.ts, whose refusals have the codes of
 * that standard. For a change, null removes a member.
 */
const metadata = {
  client_name: described({ type: 'string', example: 'Nightly report' }),
  client_uri: described({ type: 'string', format: 'uri' }),
  redirect_uris: described({
    type: 'array',
    items: { type: 'string' },
    example: ['https://app.example.com/callback'],
  }),
  grant_types: described({
    type: 'array',
    items: { type: 'string', enum: ['authorization_code', 'refresh_token', 'client_credentials'] },
  }),
  response_types: described({ type: 'array', items: { type: 'string', enum: ['code'] } }),
  token_endpoint_auth_method: described({
    type: 'string',
    enum: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  }),
  application_type: described({ type: 'string', enum: ['web', 'native'] }),
  id_token_signed_response_alg: described({ type: 'string', enum: [...ID_TOKEN_ALGS] }),
  scope: described({ type: 'string', description: 'What it may ask of people, separated by spaces.' }),
  post_logout_redirect_uris: described({ type: 'array', items: { type: 'string' } }),
  jwks: described({ type: 'object', description: 'Its public keys, for private_key_jwt.' }),
  jwks_uri: described({ type: 'string', format: 'uri' }),
}

function described(openapi: Record<string, unknown>) {
  return z.unknown().optional().openapi(openapi)
}

export const clientInput = exactObject({ ...metadata, servers: clientServers.optional() }).openapi(
  'NewClient',
  {
    example: {
      client_name: 'Nightly report',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      servers: [{ server_id: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4', scopes: ['files:read'] }],
    },
  },
)

export const clientChange = exactObject({ ...metadata, servers: clientServers.optional() }).openapi(
  'ClientChange',
  {
    description: 'What is left out stays as it is; null removes a member.',
    example: { redirect_uris: ['https://app.example.com/callback'] },
  },
)

const issued = {
  client_secret: z.string().optional().openapi({ description: 'Shown this once.' }),
  client_secret_expires_at: z
    .literal(0)
    .optional()
    .openapi({ description: '0: it does not expire (RFC 7591).' }),
  registration_access_token: z.string().optional().openapi({
    description: 'With it the client reads and narrows its own registration (RFC 7592). Shown this once.',
  }),
  registration_client_uri: z.string().optional(),
}

/** A client as the API answers it, with its secret where one was just made. */
export const clientOutput = z
  .object({
    client_id: z.string(),
    client_id_issued_at: z
      .int()
      .openapi({ description: 'Seconds since the epoch (RFC 7591 section 3.2.1).' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    ...issued,
    client_name: z.string().optional(),
    client_uri: z.string().optional(),
    redirect_uris: z.array(z.string()),
    grant_types: z.array(z.string()),
    token_endpoint_auth_method: z.string(),
    application_type: z.string(),
    id_token_signed_response_alg: z.string(),
    scope: z.string().optional(),
    post_logout_redirect_uris: z.array(z.string()).optional(),
    jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).optional(),
    jwks_uri: z.string().optional(),
    servers: clientServers,
  })
  .openapi('Client', {
    example: {
      client_id: 'cli_k3vqk5yw2c7m4d6r5t2a7xj3n4',
      client_id_issued_at: 1795514400,
      created_at: '2026-11-24T10:00:00.000Z',
      updated_at: '2026-11-24T10:00:00.000Z',
      client_name: 'Nightly report',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'web',
      id_token_signed_response_alg: 'RS256',
      servers: [{ server_id: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4', scopes: ['files:read'] }],
    },
  })

export const secretOutput = z
  .object({
    client_id: z.string(),
    client_secret: z.string(),
    client_secret_expires_at: z.literal(0),
    registration_access_token: z.string(),
  })
  .openapi('ClientSecret', {
    example: {
      client_id: 'cli_k3vqk5yw2c7m4d6r5t2a7xj3n4',
      client_secret: 'cs_…',
      client_secret_expires_at: 0,
      registration_access_token: 'rat_…',
    },
  })

export const clientIdParam = z.object({
  client_id: z
    .string()
    .regex(/^cli_\w{1,64}$/)
    .openapi({ example: 'cli_k3vqk5yw2c7m4d6r5t2a7xj3n4' }),
})
