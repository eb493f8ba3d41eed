import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  REDIRECT_URI,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'
import {
  addPerson,
  asksForConsent,
  asksForSignIn,
  claimsOf,
  errorIn,
  postForm,
  sentTo,
  signedIn,
  WEB_REDIRECT_URI,
} from './requests.ts'

describe('OpenID Connect Core §3.1.2, authentication requests', () => {
  let server: TestServer
  let clientId: string
  let webId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
    webId = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
  })
  afterAll(() => server.close())
  type Parameters = Record<string, string | undefined>
  const SCOPE = 'openid files:read'
  const url = (parameters: Parameters = {}) =>
    authorizeUrl(clientId, createPkce(), { scope: SCOPE, ...parameters })
  const web = { scope: SCOPE, redirect_uri: WEB_REDIRECT_URI }
  const webUrl = (parameters: Parameters = {}) => authorizeUrl(webId, createPkce(), { ...web, ...parameters })

  /** Somebody who has allowed this client on the web before, so that it comes in silently. */
  async function remembered() {
    const browser = await signedIn(server)
    await grant(server, { clientId: webId, browser, parameters: web })
    return browser
  }

  describe('prompt=none', () => {
    it('login_required when nobody has signed in', async () => {
      expect(errorIn(await sentTo(server, url({ prompt: 'none' })))).toBe('login_required')
    })

    it('consent_required when the person has to be asked', async () => {
      const leftTo = await sentTo(server, url({ prompt: 'none' }), await signedIn(server))
      expect(errorIn(leftTo)).toMatch(/^(consent|interaction)_required$/)
      expect(leftTo.searchParams.get('state')).toBe('a-state')
      expect(leftTo.searchParams.get('iss')).toBe(ISSUER)
    })

    it('a code when nothing has to be asked', async () => {
      const leftTo = await sentTo(server, webUrl({ prompt: 'none' }), await remembered())
      expect(leftTo.searchParams.get('code')).toEqual(expect.any(String))
    })

    it('login_required when the sign-in is older than max_age', async () => {
      const browser = await remembered()
      server.clock.advance(120)
      expect(errorIn(await sentTo(server, webUrl({ prompt: 'none', max_age: '60' }), browser))).toBe(
        'login_required',
      )
      const young = await sentTo(server, webUrl({ prompt: 'none', max_age: '600' }), browser)
      expect(young.searchParams.get('code')).toEqual(expect.any(String))
    })

    it.each(['none login', 'none consent', 'login none'])(
      'with another value, "%s", is an error',
      async (prompt) => {
        expect(errorIn(await sentTo(server, url({ prompt })))).toBe('invalid_request')
      },
    )

    it('RFC 9700 §4.11.2 for an unknown client on the web: no redirect by itself', async () => {
      const id = await registerClient(server, { client_name: 'New', redirect_uris: [WEB_REDIRECT_URI] })
      const page = await createBrowser(server).open(
        authorizeUrl(id, createPkce(), { ...web, prompt: 'none' }),
      )
      expect(page.leftTo).toBeUndefined()
      expect(page.text()).toContain('login_required')
    })
  })

  describe('prompt=login', () => {
    it('asks a signed-in person to sign in again, once, and auth_time is new', async () => {
      const browser = await remembered()
      server.clock.advance(60)
      const pkce = createPkce()
      const page = await browser.open(authorizeUrl(webId, pkce, { ...web, prompt: 'login' }))
      expect(asksForSignIn(page)).toBe(true)
      const after = await signIn(browser, page)
      const leftTo = after.leftTo ?? (await browser.submit(after, { decision: 'approve' }, '/consent')).leftTo
      const { body } = await postForm(server, '/token', {
        grant_type: 'authorization_code',
        client_id: webId,
        code: leftTo?.searchParams.get('code') ?? '',
        code_verifier: pkce.verifier,
      })
      expect(claimsOf(body['id_token'])['auth_time']).toBe(server.clock.now / 1000)
    })

    it('does not continue with the old session when the sign-in fails', async () => {
      const browser = await remembered()
      const page = await browser.open(webUrl({ prompt: 'login' }))
      const failed = await browser.submit(page, { email: OWNER.email, password: 'wrong' }, '/sign-in')
      expect(failed.leftTo).toBeUndefined()
      expect(asksForSignIn(failed)).toBe(true)
    })
  })

  it('prompt=consent asks, even where the consent is remembered', async () => {
    expect(asksForConsent(await (await remembered()).open(webUrl({ prompt: 'consent' })))).toBe(true)
  })

  it('prompt=login consent asks for both', async () => {
    const browser = await remembered()
    const page = await browser.open(webUrl({ prompt: 'login consent' }))
    expect(asksForSignIn(page)).toBe(true)
    expect(asksForConsent(await signIn(browser, page))).toBe(true)
  })

  it('prompt=select_account lets the person choose', async () => {
    const page = await (await remembered()).open(webUrl({ prompt: 'select_account' }))
    expect(page.leftTo).toBeUndefined()
    expect(asksForSignIn(page) || asksForConsent(page)).toBe(true)
  })

  it('an unknown prompt is invalid_request (Prompt Create §4.1.1: SHOULD), or is ignored', async () => {
    const page = await createBrowser(server).open(url({ prompt: 'dance' }))
    const error = page.leftTo ? errorIn(page.leftTo) : asksForSignIn(page) || page.text()
    expect([true, 'invalid_request']).toContain(error)
  })

  describe('max_age', () => {
    it('0 asks for a sign-in like prompt=login', async () => {
      expect(asksForSignIn(await (await remembered()).open(webUrl({ max_age: '0' })))).toBe(true)
    })

    it('a sign-in within max_age is enough, an older one is not', async () => {
      const browser = await remembered()
      server.clock.advance(100)
      expect((await browser.open(webUrl({ max_age: '101' }))).leftTo).toBeDefined()
      expect(asksForSignIn(await browser.open(webUrl({ max_age: '99' })))).toBe(true)
    })

    it.each(['-1', 'abc', '1.5', '1e3', '0x10', ' 1'])('%j is invalid_request', async (max_age) => {
      expect(errorIn(await sentTo(server, url({ max_age })))).toBe('invalid_request')
    })

    it('a number beyond all bounds does no harm', async () => {
      const page = await createBrowser(server).open(url({ max_age: '9'.repeat(30) }))
      const answer = page.leftTo ? errorIn(page.leftTo) : page.status
      expect([200, 'invalid_request']).toContain(answer)
    })
  })

  describe('login_hint', () => {
    it('is filled in', async () => {
      const page = await createBrowser(server).open(url({ login_hint: 'ada@example.com' }))
      expect(page.html.querySelector('input[name="email"]')?.getAttribute('value')).toBe('ada@example.com')
    })

    it('is text, whatever it holds', async () => {
      const page = await createBrowser(server).open(url({ login_hint: '"><script>alert(1)</script>' }))
      expect(page.html.querySelectorAll('script').every((script) => script.text === '')).toBe(true)
      expect(page.status).toBe(200)
    })
  })

  it.each([
    ['acr_values', 'urn:mace:incommon:iap:silver'],
    ['display', 'popup'],
    ['ui_locales', 'de en'],
    ['claims_locales', 'de'],
    ['claims', '{"id_token":{"email":null}}'],
    ['acr_values', 'x'.repeat(500)],
    ['display', 'hologram'],
  ])('§3.1.2.1 and §15.1 %s is ignored gracefully: %s', async (name, value) => {
    expect(asksForSignIn(await createBrowser(server).open(url({ [name]: value })))).toBe(true)
  })

  describe('§6 and §7 what is not supported has errors of its own', () => {
    it.each([
      ['request', 'eyJhbGciOiJub25lIn0.e30.', 'request_not_supported'],
      ['request_uri', 'https://client.example.com/request.jwt', 'request_uri_not_supported'],
    ])('%s', async (name, value, error) => {
      expect(errorIn(await sentTo(server, url({ [name]: value })))).toBe(error)
    })
  })

  describe('id_token_hint', () => {
    it('with prompt=none: a code for the person it names, an error for another', async () => {
      const browser = await remembered()
      const own = await grant(server, { clientId: webId, browser, parameters: web })
      const bob = await addPerson(server, 'hint@example.org')
      const others = await grant(server, { clientId: webId, parameters: web, person: bob })
      const ask = (hint: unknown) =>
        sentTo(server, webUrl({ prompt: 'none', id_token_hint: String(hint) }), browser)
      expect((await ask(own.tokens['id_token'])).searchParams.get('code')).toEqual(expect.any(String))
      expect(errorIn(await ask(others.tokens['id_token']))).toEqual(expect.any(String))
    })
  })

  describe('§3.1.2.1 POST with a form is as good as GET', () => {
    it('leads to the sign-in and, after it, to the consent', async () => {
      const browser = createBrowser(server)
      const fields = Object.fromEntries(new URLSearchParams(url().split('?')[1]))
      const page = await browser.post('/authorize', fields, { Origin: 'https://client.example.com' })
      expect(asksForSignIn(page)).toBe(true)
      expect(asksForConsent(await signIn(browser, page))).toBe(true)
    })

    it('errors go where those of GET go', async () => {
      const fields = Object.fromEntries(new URLSearchParams(url({ scope: 'moon' }).split('?')[1]))
      const page = await createBrowser(server).post('/authorize', fields)
      expect(page.leftTo && errorIn(page.leftTo)).toBe('invalid_scope')
      expect(page.leftTo?.href.startsWith(REDIRECT_URI)).toBe(true)
    })
  })
})
