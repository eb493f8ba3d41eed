import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { Bindings } from './bindings.ts'
import { readEnvironment } from './environment.ts'

const GOOD: Bindings = {
  HYPERDRIVE: { connectionString: 'postgres://user:password@hyperdrive.local/database' },
  ISSUER_URL: 'https://auth.example.com',
  AUTH_AGENT_SECRET: 'a server secret for tests only of 32 bytes or more',
  HYPERDRIVE_CACHING: 'disabled',
}

describe('the bindings of a Worker', () => {
  it('have the defaults of Node, but for the iterations that the platform takes', () => {
    expect(readEnvironment(GOOD)).toMatchObject({
      signingAlg: 'ES256',
      accessTokenTtl: 3600,
      refreshTokenTtl: 2_592_000,
      signUp: 'closed',
      pbkdf2Iterations: 100_000,
      logLevel: 'info',
      allowLoopbackFetch: false,
    })
  })

  it('count as missing where they are empty', () => {
    expect(readEnvironment({ ...GOOD, SIGN_UP: ' ', AUTH_AGENT_ADMIN_TOKEN: '' })).toMatchObject({
      signUp: 'closed',
      adminToken: undefined,
    })
  })

  it('allow fetches from this machine in development only', () => {
    const local = { ...GOOD, ISSUER_URL: 'http://localhost:8787', ALLOW_LOOPBACK_FETCH: 'true' }
    expect(readEnvironment(local)).toMatchObject({ allowLoopbackFetch: true })
  })

  it('name an upstream provider', () => {
    const bindings = { UPSTREAM_ISSUER: 'https://login.example.com', UPSTREAM_CLIENT_ID: 'auth-agent' }
    expect(() => readEnvironment({ ...GOOD, ...bindings } as Bindings)).toThrow(
      'UPSTREAM_EMAIL_DOMAINS is missing',
    )
    const settings = readEnvironment({
      ...GOOD,
      ...bindings,
      UPSTREAM_EMAIL_DOMAINS: 'example.com',
    } as Bindings)
    expect(settings.upstream).toMatchObject({ issuer: bindings.UPSTREAM_ISSUER, name: 'login.example.com' })
  })

  it.each([
    [{ HYPERDRIVE: undefined }, 'HYPERDRIVE is missing'],
    [{ ISSUER_URL: '' }, 'ISSUER_URL is missing'],
    [
      { ISSUER_URL: 'http://auth.example.com' },
      'ISSUER_URL is "http://auth.example.com", which sends tokens',
    ],
    [{ AUTH_AGENT_SECRET: undefined }, 'AUTH_AGENT_SECRET is missing'],
    [{ AUTH_AGENT_SECRET: 'short' }, 'AUTH_AGENT_SECRET holds a secret of less than 32 bytes'],
    [{ PBKDF2_ITERATIONS: '600000' }, 'PBKDF2_ITERATIONS is "600000", which does not do'],
    [{ HYPERDRIVE_CACHING: undefined }, 'HYPERDRIVE_CACHING is missing'],
    [{ HYPERDRIVE_CACHING: 'enabled' }, 'HYPERDRIVE_CACHING must be disabled'],
    [
      { SMTP_URL: 'smtp://mail.example.com' },
      'SMTP_URL means nothing on Workers, where mail leaves by EMAIL_WEBHOOK_URL',
    ],
    [{ DATABASE_URL: 'postgres://db' }, 'DATABASE_URL means nothing on Workers'],
    [{ REDIS_URL: 'redis://cache' }, 'REDIS_URL means nothing on Workers'],
    [{ WORKERS: '4' }, 'WORKERS means nothing on Workers'],
    [{ PORT: 8787 }, 'PORT means nothing on Workers'],
    [{ METRICS_TOKEN: 'a-token-for-metrics' }, 'METRICS_TOKEN means nothing on Workers'],
    [{ OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=b' }, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS means nothing'],
    [{ ACCESS_TOKEN_TTL: 600 }, 'ACCESS_TOKEN_TTL is no text: put its value into quotes'],
    [{ ALLOW_LOOPBACK_FETCH: 'true' }, 'ISSUER_URL is not on this machine: remove it'],
    [{ ALLOW_LOOPBACK_FETCH: 'yes' }, 'ALLOW_LOOPBACK_FETCH is "yes", which is none of the choices'],
    [{ AUTH_AGENT_OWNER_EMAIL: 'owner@example.com' }, 'AUTH_AGENT_OWNER_PASSWORD is missing beside'],
    [{ AUTH_AGENT_OWNER_PASSWORD: 'a password' }, 'AUTH_AGENT_OWNER_EMAIL is missing beside'],
  ])('refuse %j: %s', (wrong, sentence) => {
    expect(() => readEnvironment({ ...GOOD, ...wrong } as Bindings)).toThrow(sentence)
  })

  it('are read or refused, whichever the documents name', async () => {
    const names = new Set<string>()
    for (const document of ['configuration', 'observability', 'workers']) {
      const text = await readFile(new URL(`../../docs/${document}.md`, import.meta.url), 'utf8')
      for (const [row] of text.matchAll(/^\| `.*?\|/gm))
        for (const [, name = ''] of row.matchAll(/`([A-Z][A-Z\d_]+)`/g)) names.add(name)
    }
    for (const platform of ['HYPERDRIVE', 'REQUEST_LIMIT', 'API_KEY_LIMIT']) names.delete(platform)
    expect(names.size).toBeGreaterThan(30)
    for (const name of names)
      expect(() => readEnvironment({ ...GOOD, [name]: '?' }), name).toThrow(new RegExp(`\\b${name}\\b`))
  })

  it('are refused without quoting what may be secret', () => {
    const secret = 'hunter2-hunter2'
    expect(() => readEnvironment({ ...GOOD, AUTH_AGENT_SECRET: secret })).not.toThrow(secret)
  })
})
