import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser } from '../support/attacker.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const REGISTERED = 'https://app.example/callback'

/** What an attacker sends in place of the registered redirect URI (RFC 9700 §4.1). */
const TRICKS: readonly (readonly [string, string])[] = [
  ['another host', 'https://attacker.example/callback'],
  ['a suffix to the host', 'https://app.example.attacker.example/callback'],
  ['a prefix to the host', 'https://evilapp.example/callback'],
  ['a subdomain', 'https://sub.app.example/callback'],
  ['user info that looks like the host', 'https://app.example@attacker.example/callback'],
  ['user info with a port', 'https://app.example:443@attacker.example/callback'],
  ['user info', 'https://user@app.example/callback'],
  ['a port', 'https://app.example:8443/callback'],
  ['the default port', 'https://app.example:443/callback'],
  ['http', 'http://app.example/callback'],
  ['an upper-case scheme', 'HTTPS://app.example/callback'],
  ['an upper-case host', 'https://APP.example/callback'],
  ['an upper-case path', 'https://app.example/Callback'],
  ['a trailing dot', 'https://app.example./callback'],
  ['a trailing slash', 'https://app.example/callback/'],
  ['a suffix to the path', 'https://app.example/callback.attacker.example'],
  ['path traversal', 'https://app.example/callback/../../attacker'],
  ['path traversal to the same', 'https://app.example/x/../callback'],
  ['encoded path traversal', 'https://app.example/callback/%2e%2e/%2e%2e/attacker'],
  ['a dot segment', 'https://app.example/./callback'],
  ['a doubled slash', 'https://app.example//callback'],
  ['an encoded letter', 'https://app.example/c%61llback'],
  ['an encoded slash', 'https://app.example%2fcallback'],
  ['a backslash', 'https://app.example\\callback'],
  ['a backslash before another host', 'https://attacker.example\\@app.example/callback'],
  ['a fragment', 'https://app.example/callback#attacker'],
  ['an empty fragment', 'https://app.example/callback#'],
  ['a query', 'https://app.example/callback?next=https://attacker.example'],
  ['an empty query', 'https://app.example/callback?'],
  ['a path parameter', 'https://app.example/callback;attacker'],
  ['no scheme', '//app.example/callback'],
  ['a path only', '/callback'],
  ['a leading space', ' https://app.example/callback'],
  ['a trailing space', 'https://app.example/callback '],
  ['a tab within', 'https://app.\texample/callback'],
  ['a line break', 'https://app.example/callback\r\nSet-Cookie: session=evil'],
  ['a NUL', 'https://app.example/callback\0.attacker.example'],
  ['an IDN lookalike', 'https://аpp.example/callback'],
  ['a full-width dot', 'https://app．example/callback'],
  ['a wildcard', 'https://*.example/callback'],
  ['javascript', 'javascript:alert(1)//https://app.example/callback'],
  ['data', 'data:text/html,<script>alert(1)</script>'],
  ['two in one', 'https://app.example/callback https://attacker.example/callback'],
  ['a list', 'https://app.example/callback,https://attacker.example/callback'],
  ['null', 'null'],
]

describe('RFC 9700 §2.1 and §4.1: redirect_uri tricks', () => {
  let server: TestServer
  let clientId: string
  let browser: Browser

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      client_name: 'Web app',
      redirect_uris: [REGISTERED],
      token_endpoint_auth_method: 'none',
    })
    clientId = client_id
    browser = (await createSignedInBrowser(server)).browser
  })
  afterAll(() => server.close())

  function open(redirect_uri: string | readonly string[], more: Record<string, string | undefined> = {}) {
    return browser.open(authorizeUrl(clientId, createPkce(), { redirect_uri, ...more }))
  }

  it('control: the registered redirect_uri is asked about, and its errors are sent to it', async () => {
    const asked = await open(REGISTERED)
    expect(asked.html.querySelector('form[action$="/consent"]')).not.toBeNull()
    const failed = await open(REGISTERED, { response_type: 'token' })
    expect(failed.leftTo?.host).toBe('app.example')
  })

  it.each(TRICKS)('%s in the redirect_uri gets a page without a way there', async (_name, uri) => {
    for (const more of [{}, { response_type: 'token' }, { prompt: 'none' }, { response_mode: 'form_post' }]) {
      const page = await open(uri, more)
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBe(400)
      expect(page.headers.get('Location')).toBeNull()
      expect(page.headers.get('Refresh')).toBeNull()
      expect(page.html.querySelector('form')).toBeNull()
      for (const link of page.html.querySelectorAll('a')) {
        expect(link.getAttribute('href')).not.toMatch(/attacker|app\.example/)
      }
    }
  })

  it.each([
    [[REGISTERED, 'https://attacker.example/callback']],
    [['https://attacker.example/callback', REGISTERED]],
    [[REGISTERED, REGISTERED]],
  ])('a duplicate redirect_uri %j gets a page (RFC 6749 §3.1)', async (uris) => {
    const page = await open(uris)
    expect(page.leftTo).toBeUndefined()
    expect(page.status).toBe(400)
  })

  it('an unknown client is never redirected for, whatever its redirect_uri', async () => {
    for (const id of ['unknown', 'cli_aaaaaaaaaaaaaaaaaaaaaaaaaa', `${clientId}x`, '', ' ']) {
      const page = await browser.open(
        authorizeUrl(id, createPkce(), { redirect_uri: REGISTERED, prompt: 'none' }),
      )
      expect(page.leftTo).toBeUndefined()
      expect([400, 401]).toContain(page.status)
      expect(page.html.toString()).not.toContain('app.example')
    }
  })

  it('a client of several redirect_uris gets none by default', async () => {
    const id = await registerClient(server, { redirect_uris: [REGISTERED, 'https://app.example/other'] })
    const url = authorizeUrl(id, createPkce(), { redirect_uri: undefined, prompt: 'none' })
    const page = await browser.open(url)
    expect(page.leftTo).toBeUndefined()
    expect(page.status).toBe(400)
  })

  it('POST /authorize is held to the same', async () => {
    const parameters = { response_type: 'code', client_id: clientId, prompt: 'none', state: 'x' }
    const honest = await browser.post('/authorize', { ...parameters, redirect_uri: REGISTERED })
    expect(honest.leftTo?.host).toBe('app.example')
    const page = await browser.post('/authorize', {
      ...parameters,
      redirect_uri: 'https://attacker.example/',
    })
    expect(page.leftTo).toBeUndefined()
    expect(page.status).toBe(400)
  })
})

describe('RFC 8252 §7.3: the port varies on loopback, and nowhere else', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  async function isTaken(registered: string, asked: string): Promise<boolean> {
    const id = await registerClient(server, { redirect_uris: [registered] })
    const page = await createBrowser(server).open(
      authorizeUrl(id, createPkce(), { redirect_uri: asked, response_type: 'token' }),
    )
    if (page.leftTo !== undefined) expect(page.leftTo.href.startsWith(new URL(asked).origin)).toBe(true)
    return page.leftTo !== undefined
  }

  it.each([
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/callback'],
    ['http://127.0.0.1:3000/callback', 'http://127.0.0.1:51000/callback'],
    ['http://localhost/callback', 'http://localhost:51000/callback'],
    ['http://[::1]/callback', 'http://[::1]:51000/callback'],
  ])('control: %s also means %s', async (registered, asked) => {
    expect(await isTaken(registered, asked)).toBe(true)
  })

  it.each([
    ['http://127.0.0.1/callback', 'http://localhost:51000/callback'],
    ['http://localhost/callback', 'http://127.0.0.1:51000/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.2:51000/callback'],
    ['http://127.0.0.1/callback', 'http://127.1:51000/callback'],
    ['http://127.0.0.1/callback', 'http://2130706433/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/other'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/callback/../other'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000@attacker.example/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1.attacker.example:51000/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000.attacker.example/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:99999/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/callback?x=1'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000/callback#x'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51000\\@attacker.example/callback'],
    ['http://127.0.0.1/callback', 'https://127.0.0.1:51000/callback'],
    ['http://localhost/callback', 'http://localhost.attacker.example/callback'],
    ['http://localhost/callback', 'http://LOCALHOST:51000/callback'],
    ['http://localhost/callback', 'http://localhost.:51000/callback'],
    ['http://[::1]/callback', 'http://[::ffff:127.0.0.1]:51000/callback'],
    ['https://127.0.0.1/callback', 'https://127.0.0.1:51000/callback'],
    ['https://localhost/callback', 'https://localhost:51000/callback'],
    ['https://app.example/callback', 'https://app.example:51000/callback'],
  ])('%s does not mean %s', async (registered, asked) => {
    expect(await isTaken(registered, asked)).toBe(false)
  })
})
