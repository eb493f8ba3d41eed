import { importInstalled } from './import_installed.mjs'

const [{ betterAuth }, { jwt }, { oauthProvider }, { Pool }] = await Promise.all(
  ['better-auth', 'better-auth/plugins', '@better-auth/oauth-provider', 'pg'].map(importInstalled),
)

const { DATABASE_URL, BASE_URL, RESOURCE, TRUSTED_CLIENTS = '' } = process.env

/** Who may make clients that act for themselves. */
export const OPERATOR = 'operator@example.com'

export const pool = new Pool({ connectionString: DATABASE_URL })

export const auth = betterAuth({
  baseURL: BASE_URL,
  secret: 'a secret of better-auth for a benchmark only, of 32 bytes or more',
  database: pool,
  emailAndPassword: { enabled: true },
  // The guide to performance recommends the first, the page about PostgreSQL the second.
  session: { cookieCache: { enabled: true, maxAge: 5 * 60 } },
  advanced: { database: { joins: true } },
  // In production it limits each address, and here all requests come from one. That spares it work which its users have.
  rateLimit: { enabled: false },
  // https://www.better-auth.com/docs/plugins/jwt, "OAuth Provider Mode"
  disabledPaths: ['/token'],
  plugins: [
    jwt({ disableSettingJwtHeader: true, jwks: { keyPairConfig: { alg: 'ES256' } } }),
    oauthProvider({
      loginPage: '/sign-in',
      consentPage: '/consent',
      scopes: ['openid', 'profile', 'email', 'offline_access', 'mcp'],
      resources: [RESOURCE],
      cachedResources: new Set([RESOURCE]),
      // Services of the operator, whose identifiers are known before the start. Clients that register themselves cannot be among them.
      cachedTrustedClients: new Set(TRUSTED_CLIENTS.split(' ')),
      // Tokens that are made once are asked about for as long as the benchmark takes.
      accessTokenExpiresIn: 24 * 60 * 60,
      clientPrivileges: ({ user }) => user?.email === OPERATOR,
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
      clientRegistrationDefaultResources: [RESOURCE],
    }),
  ],
})
