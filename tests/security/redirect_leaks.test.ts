import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('RFC 9700 §4.2, §4.3 and §4.12: what a redirect leaks', () => {
  let server: TestServer
  /** Status and Location of every redirect, ours and outwards. */
  let redirects: { status: number; location: string; headers: Headers; path: string }[]
  let recording: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    redirects = []
    recording = {
      ...server,
      async fetch(path, init, info) {
        const response = await server.fetch(path, init, info)
        const location = response.headers.get('Location')
        if (location !== null)
          redirects.push({ status: response.status, location, headers: response.headers, path })
        return response
      },
    }
  })
  afterAll(() => server.close())

  async function walk(): Promise<void> {
    const clientId = await registerClient(server)
    const browser = createBrowser(recording)
    const asked = await browser.open(authorizeUrl(clientId, createPkce()))
    const consent = await browser.submit(asked, OWNER, '/sign-in')
    await browser.submit(consent, { decision: 'approve' }, '/consent')
    await browser.post('/authorize', { client_id: clientId, response_type: 'token' })
    const account = await browser.open('/account')
    const revoked = await browser.submit(account, {}, '/account/authorizations/revoke')
    await browser.submit(await browser.open('/account'), {}, '/logout')
    expect(revoked.status).toBe(200)
  }

  it('every redirect after a form is 303, never 307 or 308, which would repeat the password (§4.12)', async () => {
    await walk()
    expect(redirects.length).toBeGreaterThan(4)
    expect(redirects.filter(({ status }) => status !== 303)).toEqual([])
  })

  it('every redirect forbids caches and referrers (§4.2.4)', async () => {
    await walk()
    const outwards = redirects.filter(({ location }) => location.includes('code='))
    expect(outwards.length).toBeGreaterThan(0)
    for (const { headers } of outwards) expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    for (const { headers } of redirects) expect(headers.get('Cache-Control')).toBe('no-store')
  })

  it('no redirect between our own pages carries a password, a code or a cookie', async () => {
    await walk()
    const inwards = redirects.filter(({ location }) => !location.startsWith('http://127.0.0.1:33418'))
    expect(inwards.length).toBeGreaterThan(0)
    for (const { location } of inwards) {
      expect(decodeURIComponent(location)).not.toContain(OWNER.password)
      expect(location).not.toMatch(/[?&]code=/)
    }
  })

  it('no page sends a Referer to anybody else, loads anything from elsewhere, or may be cached (§4.2.4)', async () => {
    const { browser } = await createSignedInBrowser(server)
    const clientId = await registerClient(server, {
      redirect_uris: [WEB_REDIRECT_URI],
      client_uri: 'https://tracker.example/',
      logo_uri: 'https://tracker.example/logo.png',
    })
    const web = { redirect_uri: WEB_REDIRECT_URI }
    const paths = [
      authorizeUrl(clientId, createPkce(), web),
      authorizeUrl(clientId, createPkce(), { ...web, scope: 'nothing:here' }),
      '/account',
      '/sign-in?switch=1',
      '/password-reset',
      '/logout',
      '/nothing',
    ]
    for (const path of paths) {
      const page = await browser.open(path)
      expect(page.headers.get('Referrer-Policy')).toBe('same-origin')
      expect(page.headers.get('Cache-Control')).toBe('no-store')
      const sources = page.html
        .querySelectorAll('img[src], script[src], link[href], iframe, object, embed, video, audio, source')
        .map((element) => element.getAttribute('src') ?? element.getAttribute('href') ?? 'embedded')
      for (const source of sources) expect(source).toMatch(/^(\/assets\/|data:image\/)/)
    }
  })

  it('a code is in no page, but in the form that posts it to the client', async () => {
    const clientId = await registerClient(server)
    const { browser } = await createSignedInBrowser(server)
    const asked = await browser.open(authorizeUrl(clientId, createPkce(), { response_mode: 'form_post' }))
    const page = await browser.submit(asked, { decision: 'approve' }, '/consent')
    const { action, fields } = page.form('/callback')
    expect(action).toBe('http://127.0.0.1:33418/callback')
    expect(page.html.toString().split(fields.get('code') ?? 'none').length).toBe(2)
    expect(page.headers.get('Cache-Control')).toBe('no-store')
    // The origin alone, which the client may want to check; never the path or the query.
    expect(page.headers.get('Referrer-Policy')).toMatch(/^(no-referrer|strict-origin)$/)
  })

  it('an authorization request by POST is not answered with its parameters in another host’s log', async () => {
    const clientId = await registerClient(server)
    const response = await server.fetch('/authorize', {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId, response_type: 'code' }),
    })
    expect(new URL(response.headers.get('Location') ?? '', server.issuer).origin).toBe(server.issuer)
  })
})
