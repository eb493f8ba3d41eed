import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange, postForm, postJson } from '../support/attacker.ts'
import { createAuthenticator } from '../support/authenticator.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  type Granted,
  grant,
  refresh,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const ROUNDS = 200
/** Budgets are counted per account and address, and so are their rows; what comes after them must cost nothing. */
const ALLOWED = 130

describe('OWASP API4: what somebody without an account can have stored', () => {
  let server: TestServer
  let clientId: string
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  async function countRows(): Promise<number> {
    const { database } = server.database
    const tables = await database.query<{ name: string }>({
      name: 'tables_of_everything',
      text: `select tablename as name from pg_tables where schemaname = 'auth_agent'`,
    })
    let sum = 0
    for (const { name } of tables) {
      const text = `select count(*)::int as count from auth_agent.${name}`
      const [row] = await database.query<{ count: number }>({ name: `rows_of_${name}`, text })
      sum += row?.count ?? 0
    }
    return sum
  }

  async function csrfOf(browser: Browser): Promise<string> {
    return (await browser.open('/sign-in')).form('/sign-in').fields.get('csrf') ?? ''
  }

  const ATTACKS: Record<string, (browser: Browser, csrf: string, round: number) => Promise<unknown>> = {
    'wrong passwords': (browser, csrf, round) =>
      browser.post('/sign-in', { csrf, email: `p${round}@example.com`, password: 'wrong' }),
    'codes to everybody': (browser, csrf, round) =>
      browser.post('/sign-in', { csrf, email: `p${round}@example.com`, method: 'email_code' }),
    'wrong codes': (browser, csrf) => browser.post('/sign-in/code', { csrf, code: 'AAAAAAAA' }),
    'resets for everybody': (browser, csrf, round) =>
      browser.post('/password-reset', { csrf, email: `p${round}@example.com` }),
    'unknown passkeys': async (browser, csrf) => {
      const authenticator = createAuthenticator(server.issuer)
      const headers = {
        Cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        Origin: server.issuer,
        'X-CSRF-Token': csrf,
      }
      const begun = await postJson(server, '/passkeys/authentication/options', {}, headers)
      const { ceremony, options } = (await begun.json()) as {
        ceremony: string
        options: { challenge: string }
      }
      const response = authenticator.get(options, { userHandle: 'AAAA' })
      const answer = await postJson(server, '/passkeys/authentication', { ceremony, response }, headers)
      expect(answer.status).toBe(401)
    },
    'authorization requests': (browser, _csrf, round) =>
      browser.open(authorizeUrl(clientId, createPkce(), { state: `s${round}` })),
    'wrong codes at the token endpoint': (_browser, _csrf, round) =>
      postForm(server, '/token', {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: `c${round}`,
        code_verifier: 'a'.repeat(43),
      }),
    'forged refresh tokens': (_browser, _csrf, round) =>
      postForm(server, '/token', {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: `rt_${round}`,
      }),
    'revocations of nothing': (_browser, _csrf, round) =>
      postForm(server, '/revoke', { client_id: clientId, token: `t${round}` }),
    'wrong API keys': (_browser, _csrf, round) =>
      postForm(
        server,
        '/introspect',
        { token: 'x' },
        { Authorization: `Bearer sk_${'a'.repeat(26)}_${String(round).padStart(43, 'A')}` },
      ),
    registrations: (_browser, _csrf, round) => registerClient(server, { client_name: `Client ${round}` }),
    'wrong tokens at the management API': (_browser, _csrf, round) =>
      server.fetch('/api/servers', { headers: { Authorization: `Bearer ${round}` } }),
    'links that do not exist': (browser, _csrf, round) =>
      browser.open(`/invitation?token=${String(round).padStart(43, 'A')}`),
  }

  it.each(Object.keys(ATTACKS))('%s without end, from one address, fill no table', async (name) => {
    const browser = createBrowser(server, `192.0.2.${Object.keys(ATTACKS).indexOf(name)}`)
    const csrf = await csrfOf(browser)
    const before = await countRows()
    for (let round = 0; round < ROUNDS; round += 1) await ATTACKS[name]?.(browser, csrf, round)
    expect((await countRows()) - before).toBeLessThanOrEqual(ALLOWED)
  })

  it.each<[string, (granted: Granted) => Promise<{ status: number }>]>([
    ['code', (granted) => exchange(server, granted)],
    ['stolen refresh token', (granted) => refresh(server, granted, granted.tokens.refresh_token)],
  ])('a %s that is replayed without end fills no table', async (_name, replay) => {
    const granted = await grant(server)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    await refresh(server, granted, body.refresh_token)
    server.clock.advance(61)
    const before = await countRows()
    for (let round = 0; round < ROUNDS; round += 1) expect((await replay(granted)).status).toBe(400)
    expect((await countRows()) - before).toBeLessThanOrEqual(ALLOWED)
  })

  it('control: rows are counted', async () => {
    const before = await countRows()
    const browser = createBrowser(server)
    await browser.submit(await browser.open('/sign-in'), OWNER, '/sign-in')
    expect((await countRows()) - before).toBeGreaterThan(0)
  })
})
