import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, postForm, postJson } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const LINE = '\r\nSet-Cookie: planted=1\r\n\r\n<b>body</b>'
const UNICODE_LINES = [
  '\u2028planted',
  '\u2029planted',
  '\u0085planted',
  '\u000bplanted',
  '嘊嘍Set-Cookie: planted=1',
]
const SQL = [
  "'",
  "''",
  "' or '1'='1",
  "'; drop table auth_agent.users; --",
  "' union select null,null,null --",
  '" or ""="',
  '$1',
  '$$',
  "\\'; select pg_sleep(5); --",
  '%',
  '_',
  "' || (select secret from x) || '",
  '{1,2}',
  '*/ select 1 /*',
]

describe('CWE-113, CWE-89 and CWE-117: header, SQL and log injection', () => {
  let server: TestServer
  let clientId: string
  let tableCount: number
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
    tableCount = await countTables()
  })
  afterAll(() => server.close())

  async function countTables(): Promise<number> {
    const text = `select count(*)::int as count from pg_tables where schemaname = 'auth_agent'`
    const [row] = await server.database.database.query<{ count: number }>({ name: 'count_tables', text })
    return row?.count ?? 0
  }

  it.each(['state', 'scope', 'nonce', 'resource', 'prompt', 'response_type'])(
    'a line break in %s begins no header of the redirect',
    async (name) => {
      for (const value of [LINE, ...UNICODE_LINES]) {
        const url = authorizeUrl(clientId, createPkce(), { scope: 'nothing:here', [name]: `x${value}` })
        const response = await server.fetch(url)
        expect(response.status).toBeLessThan(500)
        expect(response.headers.getSetCookie().join()).not.toContain('planted')
        const location = response.headers.get('Location')
        if (location !== null) expect(location).toMatch(/^[\x21-\x7e]+$/)
        if (location !== null && name === 'state') {
          // What the client gets back is what it sent, and nothing that a proxy could split.
          expect(new URL(location, server.issuer).searchParams.get('state')).toBe(`x${value}`)
        }
      }
    },
  )

  it('a line break in a redirect URI, a return_to or a logout target begins no header', async () => {
    const { browser } = await createSignedInBrowser(server)
    const queries = [
      `/sign-in?${new URLSearchParams({ return_to: `/account${LINE}` })}`,
      `/sign-in?${new URLSearchParams({ return_to: `/account?x=%0d%0aSet-Cookie:%20planted=1` })}`,
      `/logout?${new URLSearchParams({ post_logout_redirect_uri: `https://a.example/${LINE}` })}`,
      authorizeUrl(clientId, createPkce(), { redirect_uri: `http://127.0.0.1:33418/callback${LINE}` }),
    ]
    for (const query of queries) {
      const page = await browser.open(query)
      expect(page.status).toBeLessThan(500)
      expect(browser.cookies.has('planted')).toBe(false)
      expect(page.headers.getSetCookie().join()).not.toContain('planted')
    }
  })

  it('an error description is printable ASCII without quotes, in JSON and in WWW-Authenticate (RFC 6749 §5.2)', async () => {
    const hostile = `"x\\${LINE}\u202eé`
    const responses = [
      await postJson(server, '/register', { redirect_uris: [hostile] }),
      await postJson(server, '/register', {
        redirect_uris: ['https://a.example/'],
        [hostile]: 1,
        grant_types: hostile,
      }),
      await postForm(server, '/token', { grant_type: hostile }),
      await postForm(server, '/token', { grant_type: 'authorization_code', client_id: hostile }),
      await server.fetch('/userinfo', { headers: { Authorization: 'Bearer "x\\"' } }),
      await server.fetch('/api/servers', { headers: { Authorization: 'Bearer "x\\", scope="manage' } }),
    ]
    for (const response of responses) {
      const body = (await response.json()) as { error: string; error_description: string }
      expect(body.error).toMatch(/^[a-z_]+$/)
      expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
      expect(response.headers.get('WWW-Authenticate') ?? '').not.toContain('x\\')
    }
  })

  it('SQL in a client, a code, a token or a key is data', async () => {
    for (const sql of SQL) {
      for (const parameters of [
        { grant_type: 'authorization_code', client_id: sql, code: sql, code_verifier: 'a'.repeat(43) },
        { grant_type: 'authorization_code', client_id: clientId, code: sql, code_verifier: 'a'.repeat(43) },
        { grant_type: 'refresh_token', client_id: clientId, refresh_token: sql },
        {
          grant_type: 'refresh_token',
          client_id: clientId,
          refresh_token: 'rt_x',
          scope: sql,
          resource: sql,
        },
      ]) {
        const { status, body } = await requestToken(server, parameters)
        expect([400, 401]).toContain(status)
        expect(JSON.stringify(body)).not.toMatch(/syntax|postgres|relation|column|pg_/i)
      }
      const response = await postForm(
        server,
        '/introspect',
        { token: sql },
        { Authorization: `Bearer sk_${sql}` },
      )
      expect(response.status).toBe(401)
    }
    expect(await countTables()).toBe(tableCount)
    expect((await grant(server)).tokens.access_token).toBeTruthy()
  })

  it('SQL as address or password signs nobody in', async () => {
    let round = 0
    for (const sql of SQL) {
      for (const fields of [
        { email: OWNER.email, password: sql },
        { email: `${OWNER.email}${sql}`, password: OWNER.password },
        { email: sql, password: sql },
      ]) {
        round += 1
        const browser = createBrowser(server, `198.51.100.${round}`)
        const page = await browser.submit(await browser.open('/sign-in'), fields, '/sign-in')
        expect([400, 401, 429]).toContain(page.status)
        expect(browser.cookies.has('session')).toBe(false)
      }
      server.clock.advance(900)
    }
  })

  it('wildcards in an id match nothing', async () => {
    for (const id of ['%', '_', '*', '', '%25', "srv_%' or '1'='1"]) {
      for (const path of [`/.well-known/oauth-protected-resource/${encodeURIComponent(id)}`]) {
        const body = await (await server.fetch(path)).text()
        expect(body).not.toContain('mcp.example.com')
      }
    }
  })

  it('a line break or an escape sequence in what is logged begins no line of its own', async () => {
    const hostile = `x\r\n{"level":"info","message":"forged"}\u001b[2J\u2028`
    await requestToken(server, { grant_type: hostile, client_id: hostile })
    await postJson(server, '/register', { redirect_uris: [hostile], client_name: hostile })
    const path = `/nothing/${encodeURIComponent(hostile)}`
    await server.fetch(path)
    await createBrowser(server).open(
      authorizeUrl(hostile, createPkce(), { redirect_uri: hostile, state: hostile }),
    )
    const named = await registerClient(server, { client_name: 'x\u2028y' })
    await grant(server, { clientId: named })
    expect(server.logLines.length).toBeGreaterThan(3)
    for (const line of server.logLines) {
      const text = JSON.stringify(line).slice(1, -1)
      expect(text).not.toMatch(/(?<!\\)\\[nr]/)
      expect(line).not.toContain('\u001b')
      expect(line).not.toContain('\n{"level"')
    }
  })
})
