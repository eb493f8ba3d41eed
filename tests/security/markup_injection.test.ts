import type { HTMLElement } from 'node-html-parser'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSignedInBrowser, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

/** What would add to a page wherever it is not escaped: text, attributes of either quote, comments, raw text, URLs. */
const PAYLOADS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg/onload=alert(1)>",
  '" autofocus onfocus="alert(1)',
  "' onmouseover='alert(1)",
  '</title><script>alert(1)</script>',
  '</textarea></style></noscript><form action=//evil.example>',
  '<!--<b>',
  '--><b>x</b>',
  '<base href=//evil.example>',
  '<meta http-equiv=refresh content=0;url=//evil.example>',
  '&lt;script&gt;&#60;b&#62;&quot;',
  '<a href="javascript:alert(1)">x</a>',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what an attacker sends to a template engine.
  '{{constructor.constructor("alert(1)")()}}${alert(1)}<%= 1 %>',
  '\u003cb\u003e',
  '＜script＞',
]

/** Elements and names of attributes, without text and values: what no value can change on a page that escapes. */
function shapeOf(page: Page): string[] {
  const walk = (element: HTMLElement): string[] => [
    `${element.rawTagName} ${Object.keys(element.attributes).sort().join(' ')}`,
    ...element.children.flatMap((child) => walk(child)),
  ]
  return walk(page.html)
}

function expectSame(hostile: Page, benign: Page): void {
  expect(hostile.status).toBe(benign.status)
  // Sorted, since sessions that began at one moment are listed in any order.
  expect(shapeOf(hostile).sort()).toEqual(shapeOf(benign).sort())
  for (const link of hostile.html.querySelectorAll('[href], [action], [src]')) {
    for (const name of ['href', 'action', 'src']) {
      expect(link.getAttribute(name)?.trim() ?? '').not.toMatch(/^(javascript|vbscript|data:text)/i)
      expect(link.getAttribute(name) ?? '').not.toMatch(/^(https?:)?\/\/evil\.example/)
    }
  }
}

describe('OWASP A03 and CWE-79: markup in every field that a page shows', () => {
  let server: TestServer
  let browser: Browser
  beforeEach(async () => {
    server = await createTestServer()
    browser = (await createSignedInBrowser(server)).browser
  })
  afterEach(() => server.close())

  /** The consent page, the sign-in page before it, and the account page after it, of a server and a client. */
  async function pagesOf(
    text: string,
    at: { server?: string; client?: string; scope?: string; description?: string },
  ) {
    const url = `https://${Math.random().toString(36).slice(2)}.example/mcp`
    const registered = await registerServer(server, {
      server_url: url,
      server_name: at.server ?? 'Benign',
      description: at.description ?? 'Benign',
      scopes: [{ name: 'a:read', description: at.scope ?? 'Benign' }],
    })
    const clientId = await registerClient(server, {
      client_name: at.client ?? 'Benign',
      redirect_uris: [WEB_REDIRECT_URI],
    })
    const request = authorizeUrl(clientId, createPkce(), { redirect_uri: WEB_REDIRECT_URI, resource: url })
    const signIn = await createBrowser(server).open(request)
    const consent = await browser.open(request)
    expect(text === '' || consent.html.querySelector('form[action$="/consent"]') !== null).toBe(true)
    await browser.submit(consent, { decision: 'approve' }, '/consent')
    const account = await browser.open('/account')
    await browser.submit(account, {}, '/account/authorizations/revoke')
    await server.manage('DELETE', `/servers/${registered.server_id}`)
    return [signIn, consent, account]
  }

  it.each(['server', 'client', 'scope', 'description'])(
    'markup as the %s name or description adds nothing to any page',
    async (field) => {
      const benign = await pagesOf('Benign', {})
      let shown = 0
      for (const payload of PAYLOADS) {
        const pages = await pagesOf(payload, { [field]: payload })
        pages.forEach((page, index) => {
          expectSame(page, benign[index] as Page)
          if (page.html.structuredText.includes(payload.slice(0, 5))) shown += 1
        })
      }
      // The name is there, as text; else nothing was tested.
      if (field !== 'description') expect(shown).toBeGreaterThan(PAYLOADS.length / 2)
    },
  )

  it.each([
    'state',
    'nonce',
    'login_hint',
    'scope',
    'resource',
    'response_type',
    'prompt',
    'redirect_uri',
    'client_id',
    'code_challenge',
    'unknown',
  ])('markup as %s of an authorization request adds nothing to the page that answers it', async (name) => {
    const clientId = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const open = (at: Browser, value: string) =>
      at.open(authorizeUrl(clientId, createPkce(), { redirect_uri: WEB_REDIRECT_URI, [name]: value }))
    const benign = await open(createBrowser(server), 'benign')
    for (const payload of PAYLOADS.filter((text) => /^[\x20-\x7e]*$/.test(text))) {
      expectSame(await open(createBrowser(server), payload), benign)
    }
  })

  it('markup as a host of a redirect URI adds nothing, where it can be registered at all', async () => {
    for (const uri of [
      'https://app.example/"><script>alert(1)</script>',
      "https://app.example/'onmouseover='alert(1)",
      'com.example.app:/"><script>alert(1)</script>',
      'https://app.example/?a=<b>&amp;',
      'http://127.0.0.1/\'"><b>',
    ]) {
      const clientId = await registerClient(server, { redirect_uris: [uri] }).catch(() => undefined)
      if (clientId === undefined) continue
      for (const more of [
        {},
        { response_type: 'token' },
        { response_mode: 'form_post', response_type: 'token' },
      ]) {
        const page = await browser.open(
          authorizeUrl(clientId, createPkce(), { redirect_uri: uri, resource: undefined, ...more }),
        )
        expect(
          page.html.querySelectorAll('script:not([src^="/assets/"]), b, [onmouseover], [onload]'),
        ).toEqual([])
        expect(page.headers.get('Content-Security-Policy') ?? '').not.toMatch(/<|"|alert/)
      }
    }
  })

  it('markup in a form_post answer stays in its fields', async () => {
    await registerServer(server)
    const clientId = await registerClient(server)
    for (const state of PAYLOADS) {
      const url = authorizeUrl(clientId, createPkce(), {
        response_mode: 'form_post',
        scope: 'nothing:here',
        state,
      })
      const page = await browser.open(url)
      expect(page.form('/callback').fields.get('state')).toBeDefined()
      expect(page.html.querySelectorAll('script:not([src])')).toEqual([])
      expect(page.html.querySelectorAll('form')).toHaveLength(1)
      expect(page.html.querySelectorAll('img, svg[onload], base, meta[http-equiv], b')).toEqual([])
    }
  })

  it('markup as address on the sign-in, code and reset pages adds nothing', async () => {
    for (const [path, action] of [
      ['/sign-in', '/sign-in'],
      ['/password-reset', '/password-reset'],
    ] as const) {
      const submit = async (email: string) => {
        const fresh = createBrowser(server)
        return fresh.submit(await fresh.open(path), { email, password: 'x' }, action)
      }
      const benign = await submit('no address')
      for (const payload of PAYLOADS) expectSame(await submit(payload), benign)
    }
  })

  it('markup as the name of a browser adds nothing to the account page', async () => {
    const accountOf = async (agent: string) => {
      const fresh = createBrowser({
        ...server,
        fetch: (path, init, info) => {
          const headers = new Headers(init?.headers)
          headers.set('User-Agent', agent)
          return server.fetch(path, { ...init, headers }, info)
        },
      })
      await fresh.submit(await fresh.open('/sign-in'), OWNER, '/sign-in')
      const page = await fresh.open('/account')
      await fresh.submit(page, {}, '/logout')
      return page
    }
    const benign = await accountOf('Mozilla/5.0 (X11; Linux x86_64) Chrome/150.0')
    for (const payload of PAYLOADS.filter((text) => /^[\x20-\x7e]*$/.test(text))) {
      expectSame(await accountOf(payload), benign)
    }
  })

  it('text that is not HTML is never served as HTML', async () => {
    for (const path of [
      '/register',
      '/token',
      '/introspect',
      '/userinfo',
      '/api/servers',
      '/.well-known/jwks.json',
    ]) {
      for (const method of ['GET', 'POST']) {
        const init = {
          method,
          headers: { 'Content-Type': 'application/json' },
          ...(method === 'POST' && { body: '{"client_name":"<b>"' }),
        }
        const response = await server.fetch(path, init)
        expect([path, response.headers.get('Content-Type')]).toEqual([
          path,
          expect.stringMatching(/^application\/json/),
        ])
      }
    }
  })
})
