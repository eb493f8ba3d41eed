import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, obtainCode, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  REDIRECT_URI,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const METADATA_URL = 'https://client.example/metadata.json'

/** An error for every reason that an attacker could give on purpose (RFC 9700 §4.11.2). */
const FORCED_ERRORS: readonly Record<string, string | undefined>[] = [
  { scope: 'nothing:here' },
  { response_type: 'token' },
  { prompt: 'none' },
  { code_challenge: undefined },
  { resource: 'https://unknown.example/' },
  { request_uri: 'https://attacker.example/request' },
]

describe('RFC 9700 §4.11.2: the authorization server as an open redirector', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  function expectPageWithLink(page: Page, uri: string): void {
    expect(page.leftTo).toBeUndefined()
    expect(page.headers.get('Refresh')).toBeNull()
    expect(page.html.querySelector('meta[http-equiv]')).toBeNull()
    expect(
      page.html.querySelectorAll('form').some((form) => form.getAttribute('action')?.startsWith(uri)),
    ).toBe(false)
    expect(page.html.querySelectorAll('a').some((a) => a.getAttribute('href')?.startsWith(uri))).toBe(true)
  }

  it.each(FORCED_ERRORS)(
    'a client that registered itself on the web is not redirected to with %j',
    async (bad) => {
      const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
      const parameters = { redirect_uri: WEB_REDIRECT_URI, ...bad }
      expectPageWithLink(
        await createBrowser(server).open(authorizeUrl(id, createPkce(), parameters)),
        WEB_REDIRECT_URI,
      )
      const { browser } = await createSignedInBrowser(server)
      expectPageWithLink(await browser.open(authorizeUrl(id, createPkce(), parameters)), WEB_REDIRECT_URI)
    },
  )

  it('a client that registered itself is not redirected to by form_post either', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const parameters = { redirect_uri: WEB_REDIRECT_URI, response_mode: 'form_post', scope: 'nothing:here' }
    expectPageWithLink(
      await createBrowser(server).open(authorizeUrl(id, createPkce(), parameters)),
      WEB_REDIRECT_URI,
    )
  })

  it('a private-use scheme of an unknown client is not opened by an error', async () => {
    const uri = 'com.attacker.app:/callback'
    const id = await registerClient(server, { redirect_uris: [uri] })
    const url = authorizeUrl(id, createPkce(), { redirect_uri: uri, prompt: 'none' })
    expect((await createBrowser(server).open(url)).leftTo).toBeUndefined()
  })

  it('a metadata document of a domain that nobody listed is not redirected to', async () => {
    const document = {
      client_id: METADATA_URL,
      client_name: 'x',
      redirect_uris: ['https://client.example/cb'],
    }
    server.documents.set(METADATA_URL, document)
    const url = authorizeUrl(METADATA_URL, createPkce(), {
      redirect_uri: 'https://client.example/cb',
      prompt: 'none',
    })
    expectPageWithLink(await createBrowser(server).open(url), 'https://client.example/cb')
    await server.manage('PATCH', '/organization', { client_policy: { domains: ['client.example'] } })
    expect((await createBrowser(server).open(url)).leftTo?.host).toBe('client.example')
    await server.manage('PATCH', '/organization', { client_policy: 'everyone' })
  })

  it('control: loopback and registered clients are redirected to with the error', async () => {
    const loopback = await registerClient(server)
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      redirect_uris: [WEB_REDIRECT_URI],
    })
    for (const bad of FORCED_ERRORS) {
      const atLoopback = await createBrowser(server).open(authorizeUrl(loopback, createPkce(), bad))
      expect(atLoopback.leftTo?.href.startsWith(REDIRECT_URI)).toBe(true)
      const parameters = { redirect_uri: WEB_REDIRECT_URI, ...bad }
      const atWeb = await createBrowser(server).open(authorizeUrl(client_id, createPkce(), parameters))
      expect(atWeb.leftTo?.href.startsWith(WEB_REDIRECT_URI)).toBe(true)
    }
  })

  it('who approved a client is sent back to it with an error, and nobody else is', async () => {
    const clientId = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const parameters = { redirect_uri: WEB_REDIRECT_URI }
    const { browser } = await obtainCode(server, { clientId, parameters })
    const url = authorizeUrl(clientId, createPkce(), { ...parameters, scope: 'nothing:here' })
    expect((await browser.open(url)).leftTo?.host).toBe('app.example')
    expectPageWithLink(await createBrowser(server).open(url), WEB_REDIRECT_URI)
  })

  it('a denial of a person who was asked is sent back, since he decided it (control)', async () => {
    const clientId = await registerClient(server, {
      client_name: 'Denied',
      redirect_uris: [WEB_REDIRECT_URI],
    })
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(authorizeUrl(clientId, createPkce(), { redirect_uri: WEB_REDIRECT_URI }))
    const { leftTo } = await browser.submit(page, { decision: 'deny' }, '/consent')
    expect(leftTo?.searchParams.get('error')).toBe('access_denied')
  })
})

/** Where a sign-in page must never lead (CWE-601). */
const FOREIGN_PATHS = [
  'https://attacker.example/',
  '//attacker.example/',
  '///attacker.example/',
  '/\\attacker.example/',
  '\\\\attacker.example/',
  '/\t/attacker.example/',
  '/\n/attacker.example/',
  '\t//attacker.example',
  ' //attacker.example',
  '/%09/attacker.example',
  '/account/..//attacker.example',
  '/./\\attacker.example',
  '/account\\..\\\\attacker.example',
  'http:attacker.example',
  'http:///attacker.example',
  'javascript:alert(1)',
  'data:text/html,x',
  '@attacker.example',
  '.attacker.example',
  'http://localhost:8787@attacker.example/',
  'http://localhost:8787.attacker.example/',
  '/account\r\nLocation: https://attacker.example/',
  '/api/servers',
  '/../../attacker',
]

describe('CWE-601: return_to as an open redirector', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
  })
  afterAll(() => server.close())

  it('control: a page of ours is returned to', async () => {
    const browser = createBrowser(server)
    const page = await browser.open('/sign-in?return_to=/account%3Fa=b')
    expect((await signIn(browser, page)).url).toMatch(/\/account\?a=b$/)
  })

  it.each(FOREIGN_PATHS)('%j leads to the account page, in the query and in the form', async (path) => {
    const browser = createBrowser(server)
    const opened = await browser.open(`/sign-in?${new URLSearchParams({ return_to: path })}`)
    expect(opened.html.toString()).not.toContain('attacker.example')
    const landed = await browser.submit(opened, { ...OWNER, return_to: path }, '/sign-in')
    expect(landed.leftTo).toBeUndefined()
    expect(new URL(landed.url, server.issuer).pathname).toBe('/account')
    const again = await browser.open(`/sign-in?${new URLSearchParams({ return_to: path })}`)
    expect(again.leftTo).toBeUndefined()
    expect(new URL(again.url, server.issuer).pathname).toBe('/account')
  })
})

describe('OpenID Connect RP-Initiated Logout §2: logout as an open redirector', () => {
  let server: TestServer
  const target = 'https://app.example/bye'
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  async function grantIdToken(metadata: Record<string, unknown>) {
    const clientId = await registerClient(server, metadata)
    const browser = createBrowser(server)
    const { tokens } = await grant(server, { clientId, browser, parameters: { scope: 'openid files:read' } })
    return { clientId, browser, id_token_hint: String(tokens['id_token']) }
  }

  it('control: with an id_token, the registered address is gone to', async () => {
    const { browser, id_token_hint } = await grantIdToken({ post_logout_redirect_uris: [target] })
    const query = new URLSearchParams({ id_token_hint, post_logout_redirect_uri: target, state: 's' })
    expect((await browser.open(`/logout?${query}`)).leftTo?.href).toBe(`${target}?state=s`)
  })

  it.each([
    'https://attacker.example/',
    `${target}/`,
    `${target}?x`,
    'https://app.example:444/bye',
    'https://app.example@attacker.example/bye',
    'javascript:alert(1)',
    'HTTPS://app.example/bye',
  ])('%s, which was not registered, is not gone to', async (uri) => {
    const { browser, id_token_hint } = await grantIdToken({ post_logout_redirect_uris: [target] })
    const page = await browser.open(
      `/logout?${new URLSearchParams({ id_token_hint, post_logout_redirect_uri: uri })}`,
    )
    expect(page.leftTo).toBeUndefined()
    expect(page.html.querySelectorAll('a').some((a) => a.getAttribute('href') === uri)).toBe(false)
  })

  it('an address that an attacker registered for himself is not gone to without an id_token', async () => {
    const client_id = await registerClient(server, { post_logout_redirect_uris: [target] })
    const query = new URLSearchParams({ client_id, post_logout_redirect_uri: target })
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(`/logout?${query}`)
    expect(page.leftTo).toBeUndefined()
    const done = page.html.querySelector('form[action$="/logout"]')
      ? await browser.submit(page, {}, '/logout')
      : page
    expect(done.leftTo).toBeUndefined()
    expect((await createBrowser(server).open(`/logout?${query}`)).leftTo).toBeUndefined()
  })
})
