import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  type Granted,
  grant,
  type RegisteredServer,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { ADMIN_TOKEN, createTestServer, type TestServer } from '../support/server.ts'

/** What a field may hold that nobody expected: none of it may get further than a refusal. */
const HOSTILE = [
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e\u2066',
  '\r\nSet-Cookie: planted=1',
  "' or 1=1; drop table users; --",
  '"><script>alert(1)</script>',
  '{{7*7}}#{7*7}',
  '%00%0d%0a',
  '../../../../etc/passwd',
  '-1',
  '99999999999999999999999999',
  'NaN',
  'null',
  '[]',
  '{"$ne":null}',
  '__proto__',
  'constructor',
  '😀'.repeat(50),
  'x'.repeat(5_000),
  'x'.repeat(60_000),
]

const FORMS: Record<string, Record<string, string>> = {
  '/token': {
    grant_type: 'authorization_code',
    code: 'c',
    code_verifier: 'v'.repeat(43),
    redirect_uri: 'http://127.0.0.1:33418/callback',
    client_id: 'dcr_a.b',
    client_secret: 's',
    client_assertion: 'a.b.c',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    refresh_token: 'rt_x.0.y',
    resource: 'https://mcp.example.com/mcp',
    scope: 'files:read',
  },
  '/revoke': { token: 't', token_type_hint: 'refresh_token', client_id: 'dcr_a.b', client_secret: 's' },
  '/introspect': { token: 't', token_type_hint: 'access_token' },
  '/userinfo': { access_token: 'a.b.c' },
  '/sign-in': {
    email: 'owner@example.com',
    password: 'p',
    method: 'password',
    return_to: '/account',
    csrf: 'c',
  },
  '/sign-in/code': { code: 'ABCDEFGH', email: 'owner@example.com', return_to: '/account', csrf: 'c' },
  '/consent': { request: 'r', decision: 'approve', scope: 'files:read', csrf: 'c' },
  '/setup': { token: 't', email: 'a@example.com', password: 'p', csrf: 'c' },
  '/invitation': { token: 't', password: 'p', csrf: 'c' },
  '/password-reset': { email: 'owner@example.com', csrf: 'c', return_to: '/account' },
  '/password-reset/new': { token: 't', password: 'p', csrf: 'c' },
  '/account/authorizations/revoke': { id: 'aut_x', csrf: 'c' },
  '/account/sessions/revoke': { id: 'ses_x', csrf: 'c' },
  '/account/passkeys/remove': { id: 'crd_x', csrf: 'c' },
  '/account/identities/remove': { id: 'https://login.example x', csrf: 'c' },
  '/account/password': { current_password: 'p', new_password: 'q', csrf: 'c' },
  '/logout': {
    csrf: 'c',
    id_token_hint: 'a.b.c',
    client_id: 'x',
    post_logout_redirect_uri: 'https://a.example/',
    state: 's',
  },
}

const BODIES: Record<string, Record<string, unknown>> = {
  '/register': {
    client_name: 'n',
    redirect_uris: ['https://a.example/'],
    grant_types: ['authorization_code'],
    scope: 's',
    client_uri: 'https://a.example',
    jwks_uri: 'https://a.example/k',
    token_endpoint_auth_method: 'none',
    application_type: 'web',
  },
  '/api/servers': {
    server_url: 'https://s.example/mcp',
    server_name: 'n',
    scopes: ['a'],
    description: 'd',
    logo_url: 'https://s.example/l.png',
    identity: ['email'],
    access: 'members',
  },
  '/api/clients': {
    client_name: 'n',
    redirect_uris: ['https://a.example/'],
    grant_types: ['authorization_code'],
    scope: 's',
    servers: [],
  },
  '/api/invitations': { email: 'x@example.com', role: 'member' },
  '/passkeys/authentication': { ceremony: 'c', response: {}, return_to: '/account' },
  '/passkeys/registration': { ceremony: 'c', response: {}, name: 'n' },
}

describe('hostile values in every field of every endpoint (OWASP API8; issue 2, "What bad input gets")', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let granted: Granted
  let browser: Browser

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    granted = await grant(server)
    browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
  })
  afterAll(() => server.close())

  async function check(what: string, answer: Response): Promise<void> {
    const text = await answer.text()
    expect(answer.status, `${what}: ${text.slice(0, 300)}`).toBeLessThan(500)
    expect(text, what).not.toMatch(/\n\s+at .+:\d+:\d+|node_modules|auth_agent\.|syntax error|SQLSTATE/)
    expect(answer.headers.get('Set-Cookie') ?? '', what).not.toContain('planted')
    if (answer.headers.get('Content-Type')?.startsWith('text/html')) {
      expect(text, what).not.toContain('<script>alert')
    }
  }

  async function csrfOf(): Promise<string> {
    return (await browser.open('/account')).form('/logout').fields.get('csrf') ?? ''
  }
  const cookie = () => [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

  it.each(Object.keys(FORMS))('POST %s', async (path) => {
    for (const name of Object.keys(FORMS[path] ?? {})) {
      for (const [index, value] of HOSTILE.entries()) {
        const csrf = path === '/logout' ? 'c' : await csrfOf()
        const body = new URLSearchParams({ ...FORMS[path], csrf, [name]: value })
        const headers: Record<string, string> = { Cookie: cookie(), Origin: server.issuer }
        if (path === '/introspect') headers['Authorization'] = `Bearer ${mcp.key}`
        await check(`${path} ${name} #${index}`, await server.fetch(path, { method: 'POST', body, headers }))
      }
    }
  })

  it.each(Object.keys(BODIES))('POST %s in JSON', async (path) => {
    for (const name of Object.keys(BODIES[path] ?? {})) {
      for (const value of [
        ...HOSTILE,
        null,
        0,
        -1,
        1e308,
        true,
        [],
        {},
        [[[[]]]],
        [null],
        { a: { b: {} } },
      ]) {
        const headers: Record<string, string> = { 'Content-Type': 'application/json' }
        if (path.startsWith('/api')) headers['Authorization'] = `Bearer ${ADMIN_TOKEN}`
        else
          Object.assign(headers, { Cookie: cookie(), Origin: server.issuer, 'X-CSRF-Token': await csrfOf() })
        const body = JSON.stringify({ ...BODIES[path], [name]: value })
        await check(
          `${path} ${name} ${body.slice(0, 80)}`,
          await server.fetch(path, { method: 'POST', body, headers }),
        )
      }
    }
  })

  it.each([
    'client_id',
    'redirect_uri',
    'response_type',
    'response_mode',
    'scope',
    'state',
    'resource',
    'code_challenge',
    'code_challenge_method',
    'nonce',
    'prompt',
    'max_age',
    'login_hint',
    'id_token_hint',
    'acr_values',
    'unknown',
  ])('GET /authorize, %s', async (name) => {
    for (const [index, value] of HOSTILE.entries()) {
      const url = authorizeUrl(granted.clientId, createPkce(), { [name]: value })
      await check(`${name} #${index}`, await server.fetch(url))
      await check(`${name} #${index}, signed in`, await server.fetch(url, { headers: { Cookie: cookie() } }))
    }
  })

  it.each([
    'Authorization',
    'Content-Type',
    'Cookie',
    'Origin',
    'X-CSRF-Token',
    'If-None-Match',
    'User-Agent',
  ])('the header %s', async (name) => {
    for (const value of HOSTILE.filter((text) => /^[\x20-\x7e]*$/.test(text))) {
      for (const scheme of name === 'Authorization' ? ['', 'Bearer ', 'Basic ', 'DPoP '] : ['']) {
        for (const path of [
          '/token',
          '/introspect',
          '/revoke',
          '/userinfo',
          '/register',
          '/sign-in',
          '/consent',
          '/api/servers',
        ]) {
          const headers = { 'Content-Type': 'application/x-www-form-urlencoded', [name]: scheme + value }
          await check(`${path} ${name}`, await server.fetch(path, { method: 'POST', body: 'a=b', headers }))
        }
        await check(
          `jwks ${name}`,
          await server.fetch('/.well-known/jwks.json', { headers: { [name]: scheme + value } }),
        )
      }
    }
  })

  it('a path that nobody expected', async () => {
    for (const path of [
      '/%',
      '/%00',
      '/..%2f..%2fetc',
      '//evil.example',
      '/api/servers/%00',
      '/api/keys',
      '/assets/../x',
      '/register/%ff',
      '/.well-known/oauth-protected-resource/%00',
      '/.well-known/oauth-protected-resource/srv_none',
    ]) {
      await check(
        path,
        await server.server.fetch(new Request(server.issuer + path), {
          clientAddress: undefined,
          loopback: true,
        }),
      )
    }
  })

  it('a body that is none, or is cut off, or too deep', async () => {
    for (const body of ['', '{', '[1,', '"', '['.repeat(30_000), '{"a":'.repeat(10_000)]) {
      for (const path of [
        '/register',
        '/introspect',
        '/revoke',
        '/api/servers',
        '/passkeys/authentication',
      ]) {
        const headers = {
          'Content-Type': 'application/json',
          Authorization: `Bearer ${path === '/introspect' ? mcp.key : ADMIN_TOKEN}`,
        }
        await check(
          `${path} ${body.slice(0, 10)}`,
          await server.fetch(path, { method: 'POST', body, headers }),
        )
      }
    }
  })

  it('after all of it, the flow works', async () => {
    expect((await grant(server)).tokens.access_token).toBeTruthy()
  })
})
