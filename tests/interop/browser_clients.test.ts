import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  MCP_URL,
  type RegisteredServer,
  registerServer,
} from '../support/flow.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { type Loopback, listenOnLoopback } from '../support/loopback.ts'
import { signInAndAllow, signInByPassword } from '../support/person.ts'
import type { TestServer } from '../support/server.ts'

/** What a page can see of an answer. */
interface Seen {
  status: number
  challenge: string | null
  body: Record<string, unknown>
}

interface Call {
  method?: string
  headers?: Record<string, string>
  body?: string
}

/** None of them is on the list that needs no preflight (Fetch §2.2.2), and MCP clients send them all. */
const MCP_HEADERS = {
  'MCP-Protocol-Version': '2026-07-28',
  'Mcp-Method': 'tools/list',
  'Mcp-Name': 'read_file',
  'Mcp-Session-Id': 'a-session',
}
/** What carries the session cookie. */
const FOR_PEOPLE = [
  '/',
  '/authorize',
  '/sign-in',
  '/sign-in/code',
  '/account',
  '/account/authorizations/revoke',
  '/consent',
  '/logout',
  '/setup',
  '/invitation',
  '/password-reset',
  '/password-reset/new',
  '/dev/inbox',
  '/passkeys/registration/options',
  '/passkeys/authentication/options',
  '/api/servers',
]
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

describe('a client that runs in a browser, on a page of another origin', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let app: Loopback
  let browser: Browser
  let page: Page
  /** The same site as the server, where its cookies go along: only CORS stands in between. */
  let origin: string

  beforeAll(async () => {
    server = await startListeningServer()
    mcp = await registerServer(server)
    app = await listenOnLoopback(
      () => () =>
        new Response('<!doctype html><title>App</title>', { headers: { 'Content-Type': 'text/html' } }),
    )
    origin = `http://localhost:${app.port}`
    browser = await launchChromium()
  })
  beforeEach(async () => {
    page = await browser.newPage()
    await page.goto(origin)
    return () => page.context().close()
  })
  afterAll(async () => {
    await browser.close()
    await app.close()
    await server.close()
  })

  it.each([
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-protected-resource',
    '/.well-known/jwks.json',
  ])('reads %s', async (path) => {
    const seen = await call(path, { headers: { 'MCP-Protocol-Version': '2025-11-25' } })
    expect(seen.status).toBe(200)
  })

  it('reads the metadata of an MCP server', async () => {
    const { body } = await call(`/.well-known/oauth-protected-resource/${mcp.server_id}`)
    expect(body).toMatchObject({ resource: MCP_URL, authorization_servers: [server.issuer] })
  })

  it('registers, is authorized, gets tokens, and revokes them', async () => {
    const redirect_uri = `${origin}/callback`
    const registered = await call('/register', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' }),
    })
    expect(registered.status).toBe(201)
    const client_id = String(registered.body['client_id'])
    const pkce = createPkce()
    await signInAndAllow(page, server.issuer + authorizeUrl(client_id, pkce, { redirect_uri }))
    await page.waitForURL(`${redirect_uri}?*`)

    const code = new URL(page.url()).searchParams.get('code') ?? ''
    const parameters = { grant_type: 'authorization_code', client_id, code, code_verifier: pkce.verifier }
    const { status, body } = await post('/token', { ...parameters, redirect_uri })
    expect(status).toBe(200)
    const refreshing = {
      grant_type: 'refresh_token',
      client_id,
      refresh_token: String(body['refresh_token']),
    }
    const refreshed = await post('/token', refreshing)
    expect(refreshed.body).toMatchObject({ token_type: 'Bearer' })
    const token = String(refreshed.body['refresh_token'])
    expect((await post('/revoke', { client_id, token })).status).toBe(200)
    expect((await post('/token', { ...refreshing, refresh_token: token })).body).toMatchObject({
      error: 'invalid_grant',
    })
  })

  it('introspects with an API key', async () => {
    const { tokens } = await grant(server)
    const seen = await post(
      '/introspect',
      { token: tokens.access_token },
      { Authorization: `Bearer ${mcp.key}` },
    )
    expect(seen.body).toMatchObject({ active: true, aud: MCP_URL })
  })

  it('sees the challenge of userinfo', async () => {
    const seen = await call('/userinfo', { headers: { Authorization: 'Bearer nonsense' } })
    expect(seen.status).toBe(401)
    expect(seen.challenge).toContain('error="invalid_token"')
  })

  it.each([
    '/.well-known/oauth-authorization-server',
    '/register',
    '/token',
    '/revoke',
    '/introspect',
    '/userinfo',
    '/.well-known/jwks.json',
  ])('may send every header that MCP clients send to %s', async (path) => {
    const isRead = path.startsWith('/.well-known')
    const headers = { ...MCP_HEADERS, Authorization: 'Bearer nonsense', DPoP: 'a-proof' }
    const seen = await call(path, { method: isRead ? 'GET' : 'POST', headers })
    expect(seen.status).toBeLessThan(500)
  })

  it('reads nothing of the pages and of what they call, even where a person is signed in', async () => {
    await page.goto(`${server.issuer}/account`)
    await signInByPassword(page)
    await page.waitForURL(`${server.issuer}/account`)
    await page.goto(origin)
    for (const path of FOR_PEOPLE) {
      for (const init of [{ method: 'GET' }, { method: 'POST', body: '' }])
        await expect(call(path, init, true), path).rejects.toThrow('Failed to fetch')
      for (const method of ['OPTIONS', 'GET', 'POST']) {
        const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' }
        const response = await server.fetch(path, { method, headers })
        const names = [...response.headers.keys()].filter((name) => name.startsWith('access-control-'))
        expect(names, `${method} ${path}`).toEqual([])
      }
    }
  })

  const post = (path: string, parameters: Record<string, string>, headers: Record<string, string> = {}) =>
    call(path, {
      method: 'POST',
      headers: { ...FORM, ...headers, 'MCP-Protocol-Version': '2025-11-25' },
      body: new URLSearchParams(parameters).toString(),
    })

  /** A call by the script of the page. */
  async function call(path: string, init: Call = {}, withCookies = false): Promise<Seen> {
    const credentials = withCookies ? 'include' : 'omit'
    return page.evaluate(
      async ([url, options]) => {
        const response = await fetch(url, options)
        const text = await response.text()
        const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
        return { status: response.status, challenge: response.headers.get('WWW-Authenticate'), body }
      },
      [`${server.issuer}${path}`, { ...init, credentials }] as const,
    )
  }
})
