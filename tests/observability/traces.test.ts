import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, introspect, refresh, registerServer } from '../support/flow.ts'
import { type ObservedOptions, type ObservedServer, startObservedServer } from '../support/observed_server.ts'
import { type OtlpCollector, type ReceivedSpan, startOtlpCollector } from '../support/otlp_collector.ts'
import { ADMIN_TOKEN, OWNER } from '../support/server.ts'

const DOCUMENT_URL = 'https://client.example/oauth/private-path.json'
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const SPAN_ID = 'b7ad6b7169203331'

describe('traces (OTLP/HTTP)', () => {
  let collector: OtlpCollector

  beforeEach(async () => {
    collector = await startOtlpCollector()
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.endpoint)
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
  })
  afterEach(() => void vi.unstubAllEnvs())

  const start = (options: ObservedOptions = {}) =>
    startObservedServer({ otelEndpoint: collector.endpoint, ...options })

  const find = (name: string): ReceivedSpan[] => collector.spans().filter((span) => span.name === name)

  it('tell of requests by route, of their statements by name, and of what they fetch by host', async () => {
    const server = await start()
    await registerServer(server)
    server.documents.set(DOCUMENT_URL, {
      client_id: DOCUMENT_URL,
      client_name: 'Client',
      redirect_uris: ['http://127.0.0.1:33418/callback'],
      token_endpoint_auth_method: 'none',
    })
    await grant(server, { clientId: DOCUMENT_URL })
    await server.close()

    const [token] = find('POST /token')
    expect(token?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/token',
      'http.response.status_code': 200,
    })
    const statements = collector.spans().filter((span) => span.parentSpanId === token?.spanId)
    expect(statements.map(({ name }) => name)).toContain('auth_codes_consume')
    expect(statements.every(({ traceId }) => traceId === token?.traceId)).toBe(true)
    const [fetched] = find('GET client metadata')
    expect(fetched?.attributes['server.address']).toBe('client.example')
    expect(collector.spans().some(({ spanId }) => spanId === fetched?.parentSpanId)).toBe(true)
    expect(collector.resource()['service.name']).toBe('auth-agent')
  })

  it('hold nothing that was secret during a whole flow', async () => {
    const server = await start()
    const secrets = await useEverything(server)
    await server.close()
    expect(collector.spans().length).toBeGreaterThan(50)
    const [mail] = find('send mail')
    expect(find('POST /sign-in').map(({ spanId }) => spanId)).toContain(mail?.parentSpanId)
    expect([...secrets].filter(([, secret]) => secret.length < 8)).toEqual([])
    const found = [...secrets].filter(([, secret]) => collector.bodies().includes(secret))
    expect(found.map(([name]) => name)).toEqual([])
  })

  it('leave as protobuf by default', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', undefined)
    const server = await start()
    await server.fetch('/health')
    await server.close()
    expect(collector.contentTypes()).toEqual(['application/x-protobuf'])
    expect(collector.bodies()).toContain('GET /health')
  })

  it('begin anew for whoever is no trusted proxy, and go on from one that is', async () => {
    const headers = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }
    const open = await start()
    await open.fetch('/health', { headers })
    await open.close()
    expect(find('GET /health')[0]?.traceId).not.toBe(TRACE_ID)

    const proxied = await start({ trustedProxies: ['127.0.0.0/8', '::1'] })
    await proxied.fetch('/ready', { headers })
    await proxied.fetch('/', { headers: { traceparent: '00-rubbish' } })
    await proxied.close()
    expect(find('GET /ready')[0]).toMatchObject({ traceId: TRACE_ID, parentSpanId: SPAN_ID })
    expect(find('GET /')[0]?.parentSpanId ?? '').toBe('')
  })

  it('are sampled as OTEL_TRACES_SAMPLER says', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_off')
    const server = await start()
    await server.fetch('/health')
    await server.close()
    expect(collector.bodies()).toBe('')
  })

  it('hold up nobody where no collector answers', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:9')
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200')
    const server = await start()
    expect((await server.fetch('/health')).status).toBe(200)
    await server.close()
  })
})

/** Goes every way that a secret takes, and returns the secrets by what they were. */
async function useEverything(server: ObservedServer): Promise<Map<string, string>> {
  const mcp = await registerServer(server)
  const browser = createBrowser(server)
  const granted = await grant(server, { browser, parameters: { scope: 'openid email files:read' } })
  const refreshed = await refresh(server, granted, granted.tokens.refresh_token)
  await introspect(server, mcp.key, granted.tokens.access_token)
  await server.fetch('/userinfo', { headers: { Authorization: `Bearer ${granted.tokens.access_token}` } })
  await refresh(server, granted, 'rt_a-forged-refresh-token')
  await browser.submit(
    await createBrowser(server).open('/sign-in'),
    { email: 'stranger@example.com', password: 'a wrong password of mine' },
    '/sign-in',
  )
  await browser.open(
    authorizeUrl(granted.clientId, createPkce(), { state: 'a-state-of-the-client', scope: 'no-such-scope' }),
  )
  await browser.open('/setup?token=a-token-in-a-query')
  const stranger = createBrowser(server)
  await stranger.submit(await stranger.open('/sign-in'), { email: OWNER.email, method: 'email_code' })
  await vi.waitUntil(() => server.mails.length > 0)
  const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(server.mails[0]?.text ?? '')?.[0] ?? ''
  return new Map([
    ['admin token', ADMIN_TOKEN],
    ['API key', mcp.key.replace(/^sk_/, '')],
    ['password', OWNER.password],
    ['e-mail address', OWNER.email],
    ['wrong password', 'a wrong password of mine'],
    ['another e-mail address', 'stranger@example.com'],
    ['code', granted.code],
    ['code verifier', granted.pkce.verifier],
    ['client id', granted.clientId],
    ['access token', granted.tokens.access_token.split('.')[2] ?? ''],
    ['refresh token', granted.tokens.refresh_token.split('.')[2] ?? ''],
    ['second refresh token', refreshed.body.refresh_token.split('.')[2] ?? ''],
    ['id_token', String(granted.tokens['id_token']).split('.')[2] ?? ''],
    ['forged token', 'a-forged-refresh-token'],
    ['state', 'a-state-of-the-client'],
    ['query', 'a-token-in-a-query'],
    ['e-mail code', code],
    ...[...browser.cookies].map(([name, value]) => [`cookie ${name}`, value] as const),
  ])
}
