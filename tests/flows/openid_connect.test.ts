import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

const WEB = 'https://app.example.com/callback'

describe('OpenID Connect Core', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    const registered = await server.manage<{ client_id: string }>('POST', '/clients', {
      redirect_uris: [WEB],
      token_endpoint_auth_method: 'none',
      post_logout_redirect_uris: ['https://app.example.com/bye'],
    })
    clientId = registered.client_id
  })
  afterAll(() => server.close())

  const url = (parameters = {}) =>
    authorizeUrl(clientId, createPkce(), {
      redirect_uri: WEB,
      resource: undefined,
      scope: 'openid email',
      ...parameters,
    })
  const hasSignIn = (page: Awaited<ReturnType<Browser['open']>>) =>
    page.html.querySelector('form[action="/sign-in"]') !== null

  async function approvedBrowser(): Promise<Browser> {
    const browser = createBrowser(server)
    const page = await signIn(browser, await browser.open(url({ prompt: 'consent' })))
    await browser.submit(page, { decision: 'approve' })
    return browser
  }

  it('§3.1.2.1 prompt=none answers silently what was approved, and an error for the rest', async () => {
    const browser = await approvedBrowser()
    expect((await browser.open(url({ prompt: 'none' }))).leftTo?.searchParams.has('code')).toBe(true)
    const more = await browser.open(
      url({ prompt: 'none', resource: 'https://mcp.example.com/mcp', scope: 'files:read' }),
    )
    expect(more.leftTo?.searchParams.get('error')).toBe('consent_required')
    expect(
      (await createBrowser(server).open(url({ prompt: 'none' }))).leftTo?.searchParams.get('error'),
    ).toBe('login_required')
  })

  it('§3.1.2.1 prompt=login asks for the password again, once', async () => {
    const browser = await approvedBrowser()
    const page = await browser.open(url({ prompt: 'login' }))
    expect(hasSignIn(page)).toBe(true)
    expect((await signIn(browser, page)).leftTo?.searchParams.has('code')).toBe(true)
  })

  it('§3.1.2.1 prompt=consent asks again', async () => {
    const browser = await approvedBrowser()
    expect(
      (await browser.open(url({ prompt: 'consent' }))).html.querySelector('form[action="/consent"]'),
    ).toBeTruthy()
  })

  it('§3.1.2.1 max_age asks for a new sign-in only where the old one is older', async () => {
    const browser = await approvedBrowser()
    server.clock.advance(100)
    expect((await browser.open(url({ max_age: '1000' }))).leftTo?.searchParams.has('code')).toBe(true)
    const page = await browser.open(url({ max_age: '60' }))
    expect(hasSignIn(page)).toBe(true)
    expect((await signIn(browser, page)).leftTo?.searchParams.has('code')).toBe(true)
  })

  it('§3.1.2.1 login_hint fills in the address', async () => {
    const page = await createBrowser(server).open(url({ login_hint: 'ada@example.com' }))
    expect(page.html.querySelector('input[name=email]')?.getAttribute('value')).toBe('ada@example.com')
  })

  it('§3.1.2.1 acr_values, ui_locales, display and unknown parameters are ignored gracefully', async () => {
    const browser = await approvedBrowser()
    const { leftTo } = await browser.open(
      url({ acr_values: 'urn:mace:gold', ui_locales: 'fr', display: 'popup', claims: '{}', x: 'y' }),
    )
    expect(leftTo?.searchParams.has('code')).toBe(true)
  })

  it('§3.1.2.1 an authorization request may be posted, from another site too', async () => {
    const browser = createBrowser(server)
    const body = Object.fromEntries(new URL(url(), ISSUER).searchParams)
    const page = await browser.post('/authorize', body, {
      Origin: 'https://app.example.com',
      'Sec-Fetch-Site': 'cross-site',
    })
    expect(hasSignIn(page)).toBe(true)
  })

  it('§2 the id_token carries nonce, auth_time and the audience, and email where it was granted', async () => {
    const browser = createBrowser(server)
    const parameters = { redirect_uri: WEB, resource: undefined, scope: 'openid email', nonce: 'a-nonce' }
    const { tokens } = await grant(server, { clientId, browser, parameters })
    expect(decodeJwt(String(tokens.id_token))).toMatchObject({
      iss: ISSUER,
      aud: clientId,
      nonce: 'a-nonce',
      email: OWNER.email,
      auth_time: Math.floor(server.clock.now / 1000),
    })
  })

  it('§5.3 userinfo answers GET and POST with what was granted, and a challenge otherwise', async () => {
    const parameters = { redirect_uri: WEB, resource: undefined, scope: 'openid email' }
    const { tokens } = await grant(server, { clientId, parameters })
    const { sub } = decodeJwt(tokens.access_token)
    const headers = { Authorization: `Bearer ${tokens.access_token}` }
    const expected = { sub, email: OWNER.email, email_verified: true }
    expect(await (await server.fetch('/userinfo', { headers })).json()).toEqual(expected)
    expect(await (await server.fetch('/userinfo', { method: 'POST', headers })).json()).toEqual(expected)
    const form = await server.fetch('/userinfo', {
      method: 'POST',
      body: new URLSearchParams({ access_token: tokens.access_token }),
    })
    expect(await form.json()).toEqual(expected)
    const none = await server.fetch('/userinfo')
    expect([none.status, none.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer'])
    const wrong = await server.fetch('/userinfo', { headers: { Authorization: 'Bearer wrong' } })
    expect(wrong.headers.get('WWW-Authenticate')).toMatch(/^Bearer error="invalid_token"/)
    const twice = await server.fetch('/userinfo', {
      method: 'POST',
      headers,
      body: new URLSearchParams({ access_token: tokens.access_token }),
    })
    expect(twice.status).toBe(400)
  })

  it('RP-Initiated Logout: a hint ends the session and returns; without one the person is asked', async () => {
    const browser = createBrowser(server)
    const parameters = { redirect_uri: WEB, resource: undefined, scope: 'openid' }
    const { tokens } = await grant(server, { clientId, browser, parameters })
    const asked = await browser.open('/logout')
    expect(asked.form('/logout').action).toBe('/logout')
    const query = new URLSearchParams({
      id_token_hint: String(tokens.id_token),
      post_logout_redirect_uri: 'https://app.example.com/bye',
      state: 's',
    })
    expect((await browser.open(`/logout?${query}`)).leftTo?.href).toBe('https://app.example.com/bye?state=s')
    expect(hasSignIn(await browser.open('/account'))).toBe(true)
    query.set('post_logout_redirect_uri', 'https://evil.example/')
    const refused = await browser.open(`/logout?${query}`)
    expect([refused.status, refused.leftTo]).toEqual([400, undefined])
  })

  it('MCP: a scope that the server does not offer is dropped, and the answer says what was granted', async () => {
    const id = await registerClient(server)
    const { tokens } = await grant(server, {
      clientId: id,
      parameters: { scope: 'files:read files:delete openid address' },
    })
    expect(tokens['scope']).toBe('files:read openid')
  })
})
