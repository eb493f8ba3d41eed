import type { AdapterFactory, Configuration, JWK, ResourceServer } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { isAccount } from './accounts.ts'
import { INTROSPECTING_RESOURCE, NATIVE_APP, RESOURCE, SCOPE, SERVICE } from './clients.ts'

const RESOURCE_SERVERS: ReadonlyMap<string, ResourceServer> = new Map([
  [RESOURCE, { scope: SCOPE, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }],
  [INTROSPECTING_RESOURCE, { scope: SCOPE, accessTokenFormat: 'opaque' }],
])

/** In seconds. What is introspected has to outlive the benchmark. */
const DAY = 86_400

export interface Secrets {
  signingKey: JWK
  cookieKey: string
}

export function configurationOf(adapter: AdapterFactory, { signingKey, cookieKey }: Secrets): Configuration {
  return {
    adapter,
    jwks: { keys: [signingKey] },
    cookies: { keys: [cookieKey] },
    clients: [
      {
        ...SERVICE,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: NATIVE_APP.client_id,
        client_name: NATIVE_APP.client_name,
        // Which has consent asked for each time.
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [NATIVE_APP.redirect_uri],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client) => client.clientId === SERVICE.client_id,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_ctx, resource) {
          const resourceServer = RESOURCE_SERVERS.get(resource)
          if (resourceServer === undefined) throw new errors.InvalidTarget()
          return resourceServer
        },
      },
    },
    findAccount: (_ctx, accountId) =>
      isAccount(accountId) ? { accountId, claims: () => ({ sub: accountId }) } : undefined,
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    // MCP clients ask for neither `openid` nor `offline_access`, and stay when the browser's session ends.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: DAY,
      AuthorizationCode: 60,
      ClientCredentials: DAY,
      Grant: 14 * DAY,
      IdToken: 3_600,
      Interaction: 3_600,
      RefreshToken: 14 * DAY,
      Session: 14 * DAY,
    },
  }
}
