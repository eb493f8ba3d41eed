import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EnvironmentError, readEnvironment, type Settings } from './environment.ts'

const SECRET = 'a-secret-of-thirty-two-bytes-for-tests'
const OTHER_SECRET = 'another-secret-of-thirty-two-bytes-or-more'
const DATABASE = { DATABASE_URL: 'postgres://user:word@db.example.com/auth', AUTH_AGENT_SECRET: SECRET }

const UPSTREAM = {
  UPSTREAM_ISSUER: 'https://login.example.com/',
  UPSTREAM_CLIENT_ID: 'auth-agent',
  UPSTREAM_EMAIL_DOMAINS: 'Example.com, example.org',
}
const LOCAL_UPSTREAM = { ...UPSTREAM, UPSTREAM_ISSUER: 'http://127.0.0.1:54321/auth/v1' }

type Env = Record<string, string>

/** What a value makes of the settings. */
const ADMITTED: readonly (readonly [Env, Partial<Settings>])[] = [
  [{ PORT: '9000' }, { port: 9000, issuer: 'http://localhost:9000' }],
  [{ PORT: '1' }, { port: 1 }],
  [{ PORT: '65535' }, { port: 65_535 }],
  [{ ISSUER_URL: 'https://auth.example.com' }, { issuer: 'https://auth.example.com' }],
  [{ ISSUER_URL: 'https://example.com/tenants/a' }, { issuer: 'https://example.com/tenants/a' }],
  [{ ISSUER_URL: 'https://example.com:8443' }, { loopback: { issuer: false, listener: true } }],
  [{ ISSUER_URL: 'http://127.0.0.1:8787' }, { loopback: { issuer: true, listener: true } }],
  [{ ISSUER_URL: 'http://[::1]:8787' }, { loopback: { issuer: true, listener: true } }],
  [{ HOST: '0.0.0.0' }, { host: '0.0.0.0', loopback: { issuer: true, listener: false } }],
  [{ HOST: '::1' }, { loopback: { issuer: true, listener: true } }],
  [{ HOST: 'localhost' }, { loopback: { issuer: true, listener: true } }],
  [DATABASE, { databaseUrl: DATABASE.DATABASE_URL, secrets: [SECRET] }],
  [{ ...DATABASE, DATABASE_URL: 'postgresql://u@localhost/a?host=/run/pg' }, {}],
  [
    { ...DATABASE, DATABASE_URL: 'postgres://u:p%40@/a?host=/cloudsql/x&port=5555' },
    { databaseUrl: 'postgres://u:p%40@localhost/a?host=/cloudsql/x&port=5555' },
  ],
  [
    { ...DATABASE, DATABASE_URL: 'postgres://u@:5555/a?sslmode=disable&host=/run/pg' },
    { databaseUrl: 'postgres://u@localhost:5555/a?sslmode=disable&host=/run/pg' },
  ],
  [{ WORKERS: '4' }, { workers: 4 }],
  [{ WORKERS: 'auto' }, { workers: Math.min(availableParallelism(), 64) }],
  [{ DATABASE_CONNECTIONS: '25' }, { databaseConnections: 25 }],
  [{ REDIS_URL: 'redis://cache' }, { redisUrl: 'redis://cache' }],
  [{ REDIS_URL: 'rediss://u:p%40@[::1]:6380/3' }, { redisUrl: 'rediss://u:p%40@[::1]:6380/3' }],
  [{ DATA_DIR: 'some/where' }, { dataDir: resolve('some/where') }],
  [{ AUTH_AGENT_SECRET: `${SECRET}, ${OTHER_SECRET}` }, { secrets: [SECRET, OTHER_SECRET] }],
  [{ AUTH_AGENT_ADMIN_TOKEN: '0123456789abcdef' }, { adminToken: '0123456789abcdef' }],
  [
    { AUTH_AGENT_OWNER_EMAIL: 'o@example.com', AUTH_AGENT_OWNER_PASSWORD: 'pass word' },
    { owner: { email: 'o@example.com', password: 'pass word' } },
  ],
  [{ SMTP_URL: 'smtps://u:p@smtp.example.com:465' }, { smtpUrl: 'smtps://u:p@smtp.example.com:465' }],
  [
    { EMAIL_WEBHOOK_URL: 'https://mail.example.com/send' },
    { emailWebhookUrl: 'https://mail.example.com/send' },
  ],
  [{ SIGNING_ALG: 'EdDSA' }, { signingAlg: 'EdDSA' }],
  [{ ACCESS_TOKEN_TTL: '300' }, { accessTokenTtl: 300 }],
  [{ REFRESH_TOKEN_TTL: '86400' }, { refreshTokenTtl: 86_400 }],
  [{ SIGN_UP: 'open' }, { signUp: 'open' }],
  [{ SIGN_UP: 'Example.com, sub.example.org' }, { signUp: ['example.com', 'sub.example.org'] }],
  [
    { ...UPSTREAM, UPSTREAM_CLIENT_SECRET: 'a secret' },
    {
      upstream: {
        issuer: 'https://login.example.com/',
        clientId: 'auth-agent',
        clientSecret: 'a secret',
        name: 'login.example.com',
        emailDomains: ['example.com', 'example.org'],
      },
    },
  ],
  [
    { ...LOCAL_UPSTREAM, UPSTREAM_EMAIL_DOMAINS: '*', UPSTREAM_NAME: ' Acme ', ALLOW_LOOPBACK_FETCH: 'true' },
    {
      upstream: {
        issuer: 'http://127.0.0.1:54321/auth/v1',
        clientId: 'auth-agent',
        clientSecret: undefined,
        name: 'Acme',
        emailDomains: 'all',
      },
    },
  ],
  [
    { TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.1' },
    { trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'] },
  ],
  [{ PBKDF2_ITERATIONS: '100000' }, { pbkdf2Iterations: 100_000 }],
  [{ LOG_LEVEL: 'debug' }, { logLevel: 'debug' }],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, { otelEndpoint: 'http://127.0.0.1:4318' }],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1/x' }, { otelEndpoint: 'http://127.0.0.1/x' }],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1', OTEL_SDK_DISABLED: 'true' },
    { otelEndpoint: undefined },
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1', OTEL_TRACES_EXPORTER: 'none' },
    { otelEndpoint: undefined },
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1', OTEL_METRICS_EXPORTER: 'none' },
    { otelEndpoint: 'http://127.0.0.1', otelMetricsEndpoint: undefined },
  ],
  [
    { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1/m' },
    { otelEndpoint: undefined, otelMetricsEndpoint: 'http://127.0.0.1/m' },
  ],
  [{ METRICS_HOST: '0.0.0.0' }, { metrics: undefined }],
  [{ METRICS_PORT: '9464' }, { metrics: { host: '127.0.0.1', port: 9464, token: undefined } }],
  [
    { METRICS_TOKEN: 'a-token-of-sixteen' },
    { metrics: { host: '127.0.0.1', port: undefined, token: 'a-token-of-sixteen' } },
  ],
  [{ ALLOW_LOOPBACK_FETCH: 'true' }, { allowLoopbackFetch: true }],
]

/** The variable at fault comes first; a word of the remedy follows. */
const REFUSED: readonly (readonly [Env, string, string])[] = [
  [{ PORT: 'http' }, 'PORT', 'from 1 to 65535'],
  [{ PORT: '0' }, 'PORT', 'from 1 to 65535'],
  [{ PORT: '65536' }, 'PORT', 'from 1 to 65535'],
  [{ PORT: '80.5' }, 'PORT', 'from 1 to 65535'],
  [{ PORT: '-1' }, 'PORT', 'from 1 to 65535'],
  [{ PORT: '1e3' }, 'PORT', 'from 1 to 65535'],
  [{ WORKERS: '0' }, 'WORKERS', 'from 1 to 64, or auto'],
  [{ WORKERS: '65' }, 'WORKERS', 'from 1 to 64, or auto'],
  [{ WORKERS: 'all' }, 'WORKERS', 'from 1 to 64, or auto'],
  [{ DATABASE_CONNECTIONS: '1' }, 'DATABASE_CONNECTIONS', 'from 2 to 1000'],
  [{ ISSUER_URL: 'auth.example.com' }, 'ISSUER_URL', 'https://auth.example.com'],
  [{ ISSUER_URL: 'http://auth.example.com' }, 'ISSUER_URL', 'use https'],
  [{ ISSUER_URL: 'ftp://auth.example.com' }, 'ISSUER_URL', 'https://'],
  [{ ISSUER_URL: 'https://auth.example.com/' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://Auth.Example.com' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://auth.example.com:443' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://auth.example.com?a=b' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://auth.example.com#a' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://user@auth.example.com' }, 'ISSUER_URL', 'write https://auth.example.com.'],
  [{ ISSUER_URL: 'https://auth.example.com/a/../b' }, 'ISSUER_URL', 'write https://auth.example.com/b.'],
  [{ HOST: 'http://127.0.0.1' }, 'HOST', '127.0.0.1'],
  [{ HOST: '127.0.0.256' }, 'HOST', '127.0.0.1'],
  [{ ...DATABASE, DATABASE_URL: 'mysql://db.example.com/auth' }, 'DATABASE_URL', 'postgres://'],
  [{ ...DATABASE, DATABASE_URL: 'db.example.com' }, 'DATABASE_URL', 'postgres://'],
  [{ ...DATABASE, DATABASE_URL: 'postgres:///auth' }, 'DATABASE_URL', 'postgres://'],
  [{ ...DATABASE, DATABASE_URL: 'postgres://u:p@/auth' }, 'DATABASE_URL', '?host=/directory'],
  [{ DATABASE_URL: DATABASE.DATABASE_URL }, 'AUTH_AGENT_SECRET', 'openssl rand'],
  [{ AUTH_AGENT_SECRET: 'short' }, 'AUTH_AGENT_SECRET', '32 random bytes'],
  [{ AUTH_AGENT_SECRET: `${SECRET},` }, 'AUTH_AGENT_SECRET', '32 random bytes'],
  [{ AUTH_AGENT_SECRET: `${SECRET},${SECRET}` }, 'AUTH_AGENT_SECRET', 'once'],
  [{ AUTH_AGENT_ADMIN_TOKEN: 'too-short' }, 'AUTH_AGENT_ADMIN_TOKEN', '16 characters'],
  [{ AUTH_AGENT_ADMIN_TOKEN: 'sixteen characters' }, 'AUTH_AGENT_ADMIN_TOKEN', 'openssl rand'],
  [{ AUTH_AGENT_OWNER_EMAIL: 'owner', AUTH_AGENT_OWNER_PASSWORD: 'p' }, 'AUTH_AGENT_OWNER_EMAIL', 'you@'],
  [{ AUTH_AGENT_OWNER_EMAIL: 'o@example.com' }, 'AUTH_AGENT_OWNER_PASSWORD', 'set both'],
  [{ AUTH_AGENT_OWNER_PASSWORD: 'pass word' }, 'AUTH_AGENT_OWNER_EMAIL', 'set both'],
  [{ REDIS_URL: 'cache:6379' }, 'REDIS_URL', 'rediss://'],
  [{ REDIS_URL: 'http://:password@cache' }, 'REDIS_URL', 'rediss://'],
  [{ REDIS_URL: 'redis:///0' }, 'REDIS_URL', 'rediss://'],
  [{ REDIS_URL: 'redis://:pass%word@cache' }, 'REDIS_URL', 'percent-encoded'],
  [{ REDIS_URL: 'redis://:pass/word@cache' }, 'REDIS_URL', 'percent-encoded'],
  [{ REDIS_URL: 'redis://cache/first' }, 'REDIS_URL', 'rediss://'],
  [{ REDIS_URL: 'redis://cache?tls=true' }, 'REDIS_URL', 'rediss://'],
  [{ SMTP_URL: 'smtp.example.com:587' }, 'SMTP_URL', 'smtps://'],
  [{ SMTP_URL: 'https://smtp.example.com' }, 'SMTP_URL', 'smtps://'],
  [{ EMAIL_WEBHOOK_URL: 'mail.example.com' }, 'EMAIL_WEBHOOK_URL', 'URL of http'],
  [{ SMTP_URL: 'smtp://a.b', EMAIL_WEBHOOK_URL: 'https://a.b' }, 'EMAIL_WEBHOOK_URL', 'remove one'],
  [{ SIGNING_ALG: 'es256' }, 'SIGNING_ALG', 'ES256, RS256, EdDSA or HS256'],
  [{ SIGNING_ALG: 'none' }, 'SIGNING_ALG', 'ES256, RS256, EdDSA or HS256'],
  [{ ACCESS_TOKEN_TTL: '0' }, 'ACCESS_TOKEN_TTL', 'from 1 to 86400'],
  [{ ACCESS_TOKEN_TTL: '1h' }, 'ACCESS_TOKEN_TTL', 'from 1 to 86400'],
  [{ REFRESH_TOKEN_TTL: '-5' }, 'REFRESH_TOKEN_TTL', 'from 1 to 31536000'],
  [{ REFRESH_TOKEN_TTL: '99999999999' }, 'REFRESH_TOKEN_TTL', 'from 1 to 31536000'],
  [{ SIGN_UP: 'yes' }, 'SIGN_UP', 'closed, open'],
  [{ SIGN_UP: '@example.com' }, 'SIGN_UP', 'example.com,example.org'],
  [{ SIGN_UP: 'example.com,' }, 'SIGN_UP', 'example.com,example.org'],
  [{ ...UPSTREAM, UPSTREAM_ISSUER: 'login.example.com' }, 'UPSTREAM_ISSUER', 'discovery document'],
  [{ ...UPSTREAM, UPSTREAM_ISSUER: 'http://login.example.com' }, 'UPSTREAM_ISSUER', 'https://'],
  [{ ...UPSTREAM, UPSTREAM_ISSUER: 'https://login.example.com?a' }, 'UPSTREAM_ISSUER', 'https://'],
  [{ ...UPSTREAM, UPSTREAM_ISSUER: 'http://localhost:8787' }, 'UPSTREAM_ISSUER', 'another one'],
  [LOCAL_UPSTREAM, 'UPSTREAM_ISSUER', 'ALLOW_LOOPBACK_FETCH=true'],
  [{ ...UPSTREAM, UPSTREAM_CLIENT_ID: '' }, 'UPSTREAM_CLIENT_ID', 'set both'],
  [{ ...UPSTREAM, UPSTREAM_EMAIL_DOMAINS: '' }, 'UPSTREAM_EMAIL_DOMAINS', 'give *'],
  [
    { ...UPSTREAM, UPSTREAM_EMAIL_DOMAINS: '@example.com' },
    'UPSTREAM_EMAIL_DOMAINS',
    'example.com,example.org',
  ],
  [{ UPSTREAM_CLIENT_SECRET: 'a secret' }, 'UPSTREAM_ISSUER', 'set both'],
  [
    { ...UPSTREAM, UPSTREAM_ISSUER: 'https://accounts.google.com', UPSTREAM_EMAIL_DOMAINS: '*' },
    'UPSTREAM_EMAIL_DOMAINS',
    'list the domains',
  ],
  [
    { ...UPSTREAM, UPSTREAM_ISSUER: 'https://login.microsoftonline.com/common/v2.0' },
    'UPSTREAM_ISSUER',
    '<tenant id>',
  ],
  [{ TRUSTED_PROXIES: 'proxy.example.com' }, 'TRUSTED_PROXIES', '10.0.0.0/8'],
  [{ TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES', '10.0.0.0/8'],
  [{ TRUSTED_PROXIES: '10.0.0.0/8/8' }, 'TRUSTED_PROXIES', '10.0.0.0/8'],
  [{ TRUSTED_PROXIES: '10.0.0.0/' }, 'TRUSTED_PROXIES', '10.0.0.0/8'],
  [{ TRUSTED_PROXIES: '0.0.0.0/0' }, 'TRUSTED_PROXIES', 'addresses of your proxies'],
  [{ TRUSTED_PROXIES: '::/0' }, 'TRUSTED_PROXIES', 'addresses of your proxies'],
  [{ PBKDF2_ITERATIONS: '1000' }, 'PBKDF2_ITERATIONS', 'from 100000 to 10000000'],
  [{ LOG_LEVEL: 'verbose' }, 'LOG_LEVEL', 'debug'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT', 'collector'],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf'],
  [{ OTEL_TRACES_SAMPLER: 'sometimes' }, 'OTEL_TRACES_SAMPLER', 'traceidratio'],
  [{ OTEL_TRACES_SAMPLER_ARG: '10' }, 'OTEL_TRACES_SAMPLER_ARG', 'from 0 to 1'],
  [{ METRICS_PORT: '70000' }, 'METRICS_PORT', 'from 1 to 65535'],
  [{ METRICS_PORT: '8787' }, 'METRICS_PORT', 'METRICS_TOKEN'],
  [{ METRICS_TOKEN: 'short' }, 'METRICS_TOKEN', 'openssl rand'],
  [{ ALLOW_LOOPBACK_FETCH: 'yes' }, 'ALLOW_LOOPBACK_FETCH', 'true or false'],
]

describe('readEnvironment', () => {
  it('has a default for everything', () => {
    expect(readEnvironment({})).toEqual({
      issuer: 'http://localhost:8787',
      loopback: { issuer: true, listener: true },
      host: '127.0.0.1',
      port: 8787,
      workers: 1,
      databaseConnections: 10,
      dataDir: resolve('.auth-agent'),
      signingAlg: 'ES256',
      accessTokenTtl: 3600,
      refreshTokenTtl: 2_592_000,
      signUp: 'closed',
      trustedProxies: [],
      pbkdf2Iterations: 600_000,
      attemptBudget: 1_000,
      logLevel: 'info',
      allowLoopbackFetch: false,
    })
  })

  it('takes an empty value for none', () => {
    expect(readEnvironment({ PORT: '', DATABASE_URL: ' ', SIGN_UP: undefined })).toEqual(readEnvironment({}))
  })

  it('asks for no secret to migrate', () => {
    const { DATABASE_URL } = DATABASE
    expect(readEnvironment({ DATABASE_URL }, 'migrate').databaseUrl).toBe(DATABASE_URL)
  })

  it.each(ADMITTED)('admits %j', (env, expected) => {
    expect(readEnvironment(env)).toMatchObject(expected)
  })

  it.each(REFUSED)('refuses %j', (env, variable, remedy) => {
    const sentence = refusalOf(env)
    expect(sentence.startsWith(`${variable} `)).toBe(true)
    expect(sentence).toContain(remedy)
    expect(sentence).toMatch(/^[^\n]+: [^\n]+\.$/)
  })

  it.each(REFUSED.filter(([, name]) => /SECRET|TOKEN$|PASSWORD|DATABASE_URL|REDIS|SMTP/.test(name)))(
    'does not repeat what may be secret: %j',
    (env, name) => {
      const value = env[name]
      if (value !== undefined) expect(refusalOf(env)).not.toContain(value)
    },
  )
})

function refusalOf(env: Env): string {
  try {
    readEnvironment(env)
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message
    throw error
  }
  throw new Error('It was admitted.')
}
