import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

type Form = [action: string, page: string, fields: Record<string, string>]
const CONSENT: Form = ['/consent', 'authorize', { decision: 'approve', scope: 'files:read' }]
const LOGOUT: Form = ['/logout', '/account', {}]

/** Every form that changes something: where it is shown, and what it sends. */
const FORMS: Form[] = [
  CONSENT,
  LOGOUT,
  [
    '/account/password',
    '/account',
    { current_password: OWNER.password, new_password: 'plum wagon tundra seven' },
  ],
  ['/sign-in', '/sign-in?switch=1', OWNER],
  ['/password-reset', '/password-reset', { email: OWNER.email }],
]

describe('forged forms (RFC 9700 §4.7, RFC 6749 §10.12; OWASP CSRF)', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  async function victim(): Promise<Browser> {
    const browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
    return browser
  }
  async function fieldsOf(browser: Browser, action: string, page: string, fields: Record<string, string>) {
    const url = page === 'authorize' ? authorizeUrl(clientId, createPkce()) : page
    return { ...Object.fromEntries((await browser.open(url)).form(action).fields), ...fields }
  }
  const isRefused = ({ status, text }: { status: number; text(): string }) =>
    status === 403 && /another site|out of date|cookie/.test(text())

  describe.each(FORMS)('POST %s', (action, page, fields) => {
    it('without a token of the form', async () => {
      const browser = await victim()
      const { csrf: _, ...rest } = await fieldsOf(browser, action, page, fields)
      // RP-initiated logout by POST is the one form that others may send: it asks before it does anything.
      const answer = await browser.post(action, rest)
      if (action === '/logout') expect((await browser.open('/account')).text()).toContain(OWNER.email)
      else expect(isRefused(answer)).toBe(true)
    })

    it('with the token of the attacker', async () => {
      const [browser, attacker] = [await victim(), await victim()]
      const { csrf = '' } = await fieldsOf(attacker, action, page, fields)
      const answer = await browser.post(action, { ...(await fieldsOf(browser, action, page, fields)), csrf })
      expect(isRefused(answer)).toBe(true)
    })

    it.each([
      [
        'from another site, whose browser says so',
        { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
      ],
      ['from another origin, in an old browser', { Origin: 'https://evil.example', 'Sec-Fetch-Site': '' }],
      ['from a sandboxed frame', { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }],
      ['from a subdomain', { Origin: 'http://sub.localhost:8787', 'Sec-Fetch-Site': 'same-site' }],
    ])('%s, even with the right token', async (_, headers) => {
      const browser = await victim()
      expect(
        isRefused(await browser.post(action, await fieldsOf(browser, action, page, fields), headers)),
      ).toBe(true)
    })

    it('with the token from before the sign-in', async () => {
      const browser = createBrowser(server)
      const csrf = (await browser.open('/sign-in')).form('/sign-in').fields.get('csrf') ?? ''
      await signIn(browser, await browser.open('/sign-in'))
      const answer = await browser.post(action, { ...(await fieldsOf(browser, action, page, fields)), csrf })
      expect(isRefused(answer)).toBe(true)
    })
  })

  it('the forms that are not forged work', async () => {
    const browser = await victim()
    expect((await browser.post('/consent', await fieldsOf(browser, ...CONSENT))).leftTo).toBeDefined()
    await browser.post('/logout', await fieldsOf(browser, ...LOGOUT))
    expect((await browser.open('/account')).html.querySelector('form[action="/sign-in"]')).toBeTruthy()
  })

  describe('session fixation', () => {
    it('a session that was planted before the sign-in is worth nothing after it', async () => {
      const attacker = await victim()
      const planted = attacker.cookies.get('session') ?? ''
      const browser = createBrowser(server)
      browser.cookies.set('session', planted)
      await signIn(browser, await browser.open('/sign-in?switch=1'))
      expect(browser.cookies.get('session')).not.toBe(planted)
      const replay = createBrowser(server)
      replay.cookies.set('session', planted)
      expect((await replay.open('/account')).html.querySelector('form[action="/sign-in"]')).toBeTruthy()
    })

    it('a made-up session id is not taken up', async () => {
      const browser = createBrowser(server)
      browser.cookies.set('session', 'A'.repeat(43))
      await signIn(browser, await browser.open('/sign-in'))
      expect(browser.cookies.get('session')).not.toBe('A'.repeat(43))
    })
  })

  it('cookies are HttpOnly and SameSite=Lax, and on https Secure with the __Host- prefix', async () => {
    const secure = await createTestServer({ issuer: 'https://auth.example.com' })
    for (const [at, prefix] of [
      [server, ''],
      [secure, '__Host-'],
    ] as const) {
      const page = await createBrowser(at).open('/sign-in')
      const [cookie = ''] = page.headers.getSetCookie()
      expect(cookie).toMatch(
        new RegExp(
          `^${prefix}browser=[\\w-]{43}; Path=/; Max-Age=\\d+; HttpOnly; SameSite=Lax${prefix && '; Secure'}$`,
        ),
      )
    }
    await secure.close()
  })

  it.each([
    '/',
    '/sign-in',
    '/account',
    '/password-reset',
    '/setup',
    '/invitation',
    '/logout',
    '/authorize',
    '/nothing',
  ])(
    'clickjacking: %s may not be framed, and runs no script that is not ours (RFC 9700 §4.16)',
    async (path) => {
      const { headers } = await createBrowser(server).open(path)
      expect(headers.get('Content-Security-Policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
      expect(headers.get('Content-Security-Policy')).not.toMatch(/unsafe|\*|http:/)
      expect(headers.get('X-Frame-Options')).toBe('DENY')
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Referrer-Policy')).toBe('same-origin')
      expect(headers.get('Cache-Control')).toContain('no-store')
    },
  )
})
