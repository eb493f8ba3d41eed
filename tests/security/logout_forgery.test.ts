import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, invite, isSignedIn } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { type Granted, grant, registerClient, registerServer } from '../support/flow.ts'
import { createGenuineSigner, decodeJwt, forgeriesOf } from '../support/forged_jwt.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const TARGET = 'https://app.example/bye'

describe('OpenID Connect RP-Initiated Logout §4 and §6: forged logouts', () => {
  let server: TestServer
  let granted: Granted
  let idToken: string
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    const clientId = await registerClient(server, { post_logout_redirect_uris: [TARGET] })
    granted = await grant(server, { clientId, parameters: { scope: 'openid files:read' } })
    idToken = String(granted.tokens['id_token'])
  })
  afterAll(() => server.close())

  const url = (parameters: Record<string, string>) => `/logout?${new URLSearchParams(parameters)}`

  /** Whether a link on a foreign page would sign somebody out, and where it would lead. */
  async function follow(parameters: Record<string, string>) {
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(url(parameters))
    return { isOut: !(await isSignedIn(browser)), leftTo: page.leftTo?.href }
  }

  it('control: a genuine id_token signs out, and leads back', async () => {
    expect(await follow({ id_token_hint: idToken, post_logout_redirect_uri: TARGET })).toEqual({
      isOut: true,
      leftTo: TARGET,
    })
  })

  it('none, HMAC under the public key, keys it brings along, kid tricks and mangled tokens sign nobody out', async () => {
    const jwks = (await (await server.fetch('/.well-known/jwks.json')).json()) as {
      keys: Record<string, unknown>[]
    }
    const key = jwks.keys.find(({ kid }) => kid === decodeJwt(idToken).header['kid'])
    const { browser } = await createSignedInBrowser(server)
    const forgeries = forgeriesOf(idToken, key ?? {})
    expect(forgeries.length).toBeGreaterThan(100)
    for (const { name, token } of forgeries) {
      const page = await browser.open(url({ id_token_hint: token, post_logout_redirect_uri: TARGET }))
      expect([name, page.leftTo, page.status < 500]).toEqual([name, undefined, true])
      expect([name, await isSignedIn(browser)]).toEqual([name, true])
    }
  })

  it('an id_token of another person asks before it signs anybody out', async () => {
    const guest = await invite(server, 'guest@example.com')
    const foreign = await grant(server, {
      clientId: granted.clientId,
      person: guest,
      browser: createBrowser(server),
      parameters: { scope: 'openid files:read' },
    })
    const parameters = { id_token_hint: String(foreign.tokens['id_token']), post_logout_redirect_uri: TARGET }
    expect(await follow(parameters)).toEqual({ isOut: false, leftTo: undefined })
  })

  it('no token at all, as an image on a foreign page sends, signs nobody out', async () => {
    for (const parameters of [{}, { client_id: granted.clientId }, { post_logout_redirect_uri: TARGET }]) {
      expect(await follow(parameters)).toEqual({ isOut: false, leftTo: undefined })
    }
  })

  it.each([
    ['of another issuer', { iss: 'https://attacker.example' }],
    ['without an issuer', { iss: undefined }],
    ['without a subject', { sub: undefined }],
    ['with a list as audience', { aud: ['x', 'y'] }],
  ])('a token of our key %s signs nobody out', async (_name, change) => {
    const sign = await createGenuineSigner(server)
    const { payload } = decodeJwt(idToken)
    expect((await follow({ id_token_hint: await sign('RS256', { typ: 'JWT' }, payload) })).isOut).toBe(true)
    expect(
      (await follow({ id_token_hint: await sign('RS256', { typ: 'JWT' }, { ...payload, ...change }) })).isOut,
    ).toBe(false)
  })

  it('the client_id of another client beside the token is refused', async () => {
    const other = await registerClient(server, {
      client_name: 'Other',
      post_logout_redirect_uris: ['https://other.example/'],
    })
    const parameters = {
      id_token_hint: idToken,
      client_id: other,
      post_logout_redirect_uri: 'https://other.example/',
    }
    expect(await follow(parameters)).toEqual({ isOut: false, leftTo: undefined })
  })

  it('a post from a foreign page signs nobody out', async () => {
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.post(
      '/logout',
      {},
      { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
    )
    expect(page.leftTo).toBeUndefined()
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('who signed out is out: the old cookie opens nothing, on no node', async () => {
    const { browser } = await createSignedInBrowser(server)
    const before = new Map(browser.cookies)
    await browser.submit(await browser.open('/account'), {}, '/logout')
    for (const at of [server, await server.addNode()]) {
      const thief = createBrowser(at)
      for (const [name, value] of before) thief.cookies.set(name, value)
      expect(await isSignedIn(thief)).toBe(false)
    }
  })
})
