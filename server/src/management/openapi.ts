import type { OpenAPIHono } from '@hono/zod-openapi'
import { MANAGE_SCOPE } from '../checks/scope.ts'
import type { ServerContext } from '../context.ts'
import { cookieName } from '../sign_in/cookies.ts'
import type { ManagementEnv } from './authentication.ts'

const DESCRIPTION = `Register MCP servers, their API keys and clients, and say who may use them.

Each call bears one credential: the admin token or an access token as \`Authorization: Bearer\`, or the console's
session cookie, which for everything but GET also needs the header \`X-CSRF-Token\` from a page of this server.
It reaches what belongs to the caller's organisation; anything else is answered as if it did not exist.`

/** The OpenAPI 3.1 document of the management API. */
export function describeApi(context: ServerContext, api: OpenAPIHono<ManagementEnv>) {
  const { url } = context.issuer
  const document = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Auth-Agent management API', version: '1', description: DESCRIPTION },
    servers: [{ url: `${url}/api` }],
    security: [{ adminToken: [] }, { accessToken: [MANAGE_SCOPE] }, { session: [], csrfToken: [] }],
  })
  return {
    ...document,
    components: {
      ...document.components,
      securitySchemes: {
        adminToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'AUTH_AGENT_ADMIN_TOKEN of this deployment.',
        },
        accessToken: {
          type: 'oauth2',
          description: `An access token with the audience ${url}/api, of an owner or an administrator.`,
          flows: {
            authorizationCode: {
              authorizationUrl: `${url}/authorize`,
              tokenUrl: `${url}/token`,
              scopes: { [MANAGE_SCOPE]: "Manage the organisation's MCP servers, clients and people." },
            },
          },
        },
        session: { type: 'apiKey', in: 'cookie', name: cookieName(context.issuer, 'session') },
        csrfToken: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token' },
      },
    },
  }
}
