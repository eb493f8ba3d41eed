import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import {
  addPerson,
  createClient,
  errorIn,
  type RegisteredClient,
  signedIn,
  WEB_REDIRECT_URI,
} from './requests.ts'

const GOODBYE = 'https://client.example.com/goodbye'

describe('OpenID Connect RP-Initiated Logout', () => {
  let server: TestServer
  let client: RegisteredClient

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    client = await register()
  })
  afterAll(() => server.close())
  const register = () =>
    createClient(server, { token_endpoint_auth_method: 'none', post_logout_redirect_uris: [GOODBYE] })
  const parameters = { redirect_uri: WEB_REDIRECT_URI, scope: 'openid files:read' }

  /** A signed-in browser and the id_token that the client got through it. */
  async function session(of = client) {
    const browser = await signedIn(server)
    const { tokens } = await grant(server, { clientId: of.client_id, browser, parameters })
    return { browser, idToken: String(tokens['id_token']) }
  }
  const logoutUrl = (fields: Record<string, string>) => `/logout?${new URLSearchParams(fields)}`

  /** Opens it and says yes where the person is asked (§2: the OP SHOULD ask). */
  async function logOut(browser: Browser, fields: Record<string, string>): Promise<Page> {
    const page = await browser.open(logoutUrl(fields))
    const asks = page.html.querySelector('form[action$="/logout"]') !== null
    return asks ? browser.submit(page, {}, '/logout') : page
  }
  async function isSignedIn(browser: Browser): Promise<boolean> {
    const url = authorizeUrl(client.client_id, createPkce(), { ...parameters, prompt: 'none' })
    const { leftTo } = await browser.open(url)
    return leftTo !== undefined && errorIn(leftTo) !== 'login_required'
  }

  it('§2 with an id_token_hint and a registered URI: signed out, and sent there with state', async () => {
    const { browser, idToken } = await session()
    expect(await isSignedIn(browser)).toBe(true)
    const { leftTo } = await logOut(browser, {
      id_token_hint: idToken,
      post_logout_redirect_uri: GOODBYE,
      state: 'a "state" &',
    })
    expect(leftTo && leftTo.origin + leftTo.pathname).toBe(GOODBYE)
    expect(leftTo?.searchParams.get('state')).toBe('a "state" &')
    expect([...(leftTo?.searchParams.keys() ?? [])]).toEqual(['state'])
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('§2 without state there is none', async () => {
    const { browser, idToken } = await session()
    const { leftTo } = await logOut(browser, { id_token_hint: idToken, post_logout_redirect_uri: GOODBYE })
    expect(leftTo?.href).toBe(GOODBYE)
  })

  it('§2 client_id in place of the hint', async () => {
    const { browser } = await session()
    const { leftTo } = await logOut(browser, {
      client_id: client.client_id,
      post_logout_redirect_uri: GOODBYE,
    })
    expect(leftTo === undefined || leftTo.href === GOODBYE).toBe(true)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('§2 POST with a form is as good as GET', async () => {
    const { browser, idToken } = await session()
    const fields = { id_token_hint: idToken, post_logout_redirect_uri: GOODBYE, state: 'x' }
    const first = await browser.post('/logout', fields, { Origin: 'https://client.example.com' })
    const asks = first.html.querySelector('form[action$="/logout"]') !== null
    const { leftTo } = asks ? await browser.submit(first, {}, '/logout') : first
    expect(leftTo?.href).toBe(`${GOODBYE}?state=x`)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('§4 an expired id_token is a good hint', async () => {
    const { browser, idToken } = await session()
    server.clock.advance(86_400)
    const { leftTo } = await logOut(browser, { id_token_hint: idToken, post_logout_redirect_uri: GOODBYE })
    expect(leftTo?.href).toBe(GOODBYE)
  })

  it('§2 without a hint the person MUST be asked, and nothing happens before', async () => {
    const { browser } = await session()
    const page = await browser.open('/logout')
    expect(page.html.querySelector('form[action$="/logout"]')).not.toBeNull()
    expect(await isSignedIn(browser)).toBe(true)
    await browser.submit(page, {}, '/logout')
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('§2 with the hint of another person’s session the person MUST be asked', async () => {
    const bob = await addPerson(server, 'bob@example.org')
    const { tokens } = await grant(server, { clientId: client.client_id, parameters, person: bob })
    const { browser } = await session()
    const page = await browser.open(
      logoutUrl({ id_token_hint: String(tokens['id_token']), post_logout_redirect_uri: GOODBYE }),
    )
    expect(page.leftTo).toBeUndefined()
    expect(await isSignedIn(browser)).toBe(true)
  })

  describe('§3 the redirect MUST NOT happen', () => {
    const refused: [string, (idToken: string) => Record<string, string>][] = [
      [
        'to a URI that is not registered',
        (hint) => ({ id_token_hint: hint, post_logout_redirect_uri: 'https://attacker.example/' }),
      ],
      [
        'to a registered URI with more at its end',
        (hint) => ({ id_token_hint: hint, post_logout_redirect_uri: `${GOODBYE}/x` }),
      ],
      [
        'to a redirect_uri of the client',
        (hint) => ({ id_token_hint: hint, post_logout_redirect_uri: WEB_REDIRECT_URI }),
      ],
      [
        'to javascript:',
        (hint) => ({ id_token_hint: hint, post_logout_redirect_uri: 'javascript:alert(1)' }),
      ],
      ['when nobody says whose URI it is', () => ({ post_logout_redirect_uri: GOODBYE })],
      [
        'with a changed hint',
        (hint) => ({ id_token_hint: `${hint.slice(0, -6)}AAAAAA`, post_logout_redirect_uri: GOODBYE }),
      ],
      ['with nonsense for a hint', () => ({ id_token_hint: 'nonsense', post_logout_redirect_uri: GOODBYE })],
      ['for an unknown client', () => ({ client_id: 'unknown', post_logout_redirect_uri: GOODBYE })],
    ]
    it.each(refused)('%s', async (_case, fields) => {
      const { browser, idToken } = await session()
      const page = await logOut(browser, fields(idToken))
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBeLessThan(500)
    })

    it('when client_id is not the audience of the hint', async () => {
      const other = await register()
      const { browser, idToken } = await session()
      const page = await logOut(browser, {
        id_token_hint: idToken,
        client_id: other.client_id,
        post_logout_redirect_uri: GOODBYE,
      })
      expect(page.leftTo).toBeUndefined()
    })
  })

  it('a form from another site does not sign anybody out by itself (CSRF)', async () => {
    const { browser } = await session()
    await browser.post('/logout', {}, { Origin: 'https://attacker.example', 'Sec-Fetch-Site': 'cross-site' })
    expect(await isSignedIn(browser)).toBe(true)
    await browser.post('/logout', { csrf: 'invented' }, { Origin: 'https://attacker.example' })
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('a browser where nobody has signed in is sent on, or told so', async () => {
    const { idToken } = await session()
    const page = await logOut(createBrowser(server), {
      id_token_hint: idToken,
      post_logout_redirect_uri: GOODBYE,
    })
    expect(page.leftTo?.href ?? page.status).toEqual(page.leftTo ? GOODBYE : 200)
  })

  it('signing out ends the session, not what was granted', async () => {
    const browser = await signedIn(server)
    const granted = await grant(server, { clientId: client.client_id, browser, parameters })
    await logOut(browser, {})
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })

  it('the old cookie is worth nothing afterwards', async () => {
    const { browser } = await session()
    const stolen = createBrowser(server)
    for (const [name, value] of browser.cookies) stolen.cookies.set(name, value)
    await logOut(browser, {})
    expect(await isSignedIn(stolen)).toBe(false)
  })
})
