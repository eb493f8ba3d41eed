import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { ADMIN_TOKEN, createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('log lines and records hold no secret (issue 2, "What bad input gets"; RFC 9700 §4.2.4)', () => {
  let server: TestServer
  let mcp: RegisteredServer
  /** Every secret that anybody held, by what it was. */
  const secrets = new Map<string, string>()

  const keep = (name: string, secret: unknown) => void secrets.set(name, String(secret))

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    keep('API key', mcp.key.replace(/^sk_[a-z2-7]+_/, ''))
    keep('admin token', ADMIN_TOKEN)
    keep('password', OWNER.password)
    await signInEveryWay()
    await useTokens()
    await failEveryWay()
  })
  afterAll(() => server.close())

  async function signInEveryWay(): Promise<void> {
    const browser = createBrowser(server)
    const codePage = await browser.submit(await browser.open('/sign-in'), {
      email: OWNER.email,
      method: 'email_code',
    })
    await mailed(1)
    const code = server.mails.at(-1)?.text.match(/[A-Z2-9]{4}-[A-Z2-9]{4}/)?.[0] ?? ''
    keep('e-mail code', code.replace('-', ''))
    await browser.submit(codePage, { code }, '/sign-in/code')
    await browser.post('/password-reset', { email: OWNER.email, csrf: await csrfOf(browser) })
    await server.manage('POST', '/invitations', { email: 'guest@example.com' })
    await mailed(3)
    for (const mail of server.mails) {
      const token = /token=([\w-]{43})/.exec(mail.text)?.[1]
      if (token !== undefined) keep(`link of "${mail.subject}"`, token)
    }
    for (const [name, value] of browser.cookies) keep(`cookie ${name}`, value)
    await browser.open(`/invitation?token=${secrets.get('link of "Join Auth-Agent at localhost:8787"')}`)
  }
  /** Mail leaves while the answer is on its way already. */
  const mailed = (count: number) => vi.waitUntil(() => server.mails.length >= count)
  const csrfOf = async (browser: ReturnType<typeof createBrowser>) =>
    (await browser.open('/password-reset')).form('/password-reset').fields.get('csrf') ?? ''

  async function useTokens(): Promise<void> {
    const browser = createBrowser(server)
    const granted = await grant(server, { browser, parameters: { scope: 'openid email files:read' } })
    const refreshed = await refresh(server, granted, granted.tokens.refresh_token)
    for (const [name, value] of browser.cookies) keep(`cookie ${name} of the flow`, value)
    keep('code', granted.code)
    keep('code_verifier', granted.pkce.verifier)
    keep('access token', granted.tokens.access_token.split('.')[2])
    keep('id_token', String(granted.tokens.id_token).split('.')[2])
    keep('refresh token', granted.tokens.refresh_token.split('.')[2])
    keep('second refresh token', refreshed.body.refresh_token.split('.')[2])
    await introspect(server, mcp.key, granted.tokens.access_token)
    // Replays and thefts are recorded, and so a place where a token might slip in.
    const replay = { client_id: granted.clientId, code: granted.code, code_verifier: granted.pkce.verifier }
    await requestToken(server, { grant_type: 'authorization_code', ...replay })
    server.clock.advance(120)
    await refresh(server, granted, granted.tokens.refresh_token)
  }

  async function failEveryWay(): Promise<void> {
    const browser = createBrowser(server)
    await browser.submit(
      await browser.open('/sign-in'),
      { email: OWNER.email, password: 'a wrong password of mine' },
      '/sign-in',
    )
    keep('wrong password', 'a wrong password of mine')
    const client = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      redirect_uris: ['https://app.example.com/callback'],
    })
    keep('client secret', client.client_secret)
    keep('state', 'state-that-is-secret-to-the-client')
    const basic = Buffer.from(`${client.client_id}:${client.client_secret}x`).toString('base64')
    keep('Basic credentials', basic)
    await requestToken(
      server,
      { grant_type: 'refresh_token', refresh_token: 'rt_wrong' },
      { Authorization: `Basic ${basic}` },
    )
    await browser.open(
      authorizeUrl(client.client_id, createPkce(), {
        state: secrets.get('state') ?? '',
        redirect_uri: 'https://evil.example/',
      }),
    )
    await server.fetch('/userinfo', {
      headers: { Authorization: 'Bearer eyJhbGciOiJub25lIn0.bearer-that-is-wrong.x' },
    })
    keep('wrong bearer token', 'bearer-that-is-wrong')
  }

  it('was a run with something to find', () => {
    expect(secrets.size).toBeGreaterThan(18)
    expect([...secrets].filter(([, secret]) => secret.length < 8)).toEqual([])
    expect(server.logLines.length).toBeGreaterThan(10)
  })

  it('the log', () => {
    const log = server.logLines.join('\n')
    expect([...secrets].filter(([, secret]) => log.includes(secret)).map(([name]) => name)).toEqual([])
  })

  it('the whole database', async () => {
    const { database } = server.database
    const tables = await database.query<{ name: string }>({
      name: 'all_tables',
      text: `select tablename as name from pg_tables where schemaname = 'auth_agent'`,
    })
    for (const { name } of tables) {
      const rows = await database.query<{ row: string }>({
        name: `dump_${name}`,
        text: `select row_to_json(t)::text as row from auth_agent.${name} t`,
      })
      const dump = rows.map(({ row }) => row).join('\n')
      const found = [...secrets].filter(([what, secret]) => what !== 'state' && dump.includes(secret))
      expect(found.map(([what]) => `${what} in ${name}`)).toEqual([])
    }
  })
})
