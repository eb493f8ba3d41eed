import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  REDIRECT_URI,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { createClient, errorIn, sentTo, signedIn, WEB_REDIRECT_URI } from './requests.ts'

describe('RFC 6749 and OAuth 2.1, authorization endpoint', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())
  const url = (parameters: Parameters<typeof authorizeUrl>[2]) =>
    authorizeUrl(clientId, createPkce(), parameters)

  describe('§4.1.2.1 errors that MUST NOT redirect', () => {
    const unsafe: [string, Parameters<typeof authorizeUrl>[2]][] = [
      ['a missing client_id', { client_id: undefined }],
      ['an unknown client_id', { client_id: 'cli_unknown' }],
      ['an empty client_id', { client_id: '' }],
      ['a redirect_uri that is not registered', { redirect_uri: 'https://attacker.example/callback' }],
      ['a redirect_uri with another path', { redirect_uri: `${REDIRECT_URI}/more` }],
      ['a redirect_uri with another query', { redirect_uri: `${REDIRECT_URI}?a=b` }],
      ['a redirect_uri with a fragment', { redirect_uri: `${REDIRECT_URI}#fragment` }],
      ['a redirect_uri that is relative', { redirect_uri: '/callback' }],
      ['a redirect_uri with user info', { redirect_uri: 'http://a@127.0.0.1:33418/callback' }],
      ['client_id given twice', { client_id: ['a', 'b'] }],
      ['redirect_uri given twice', { redirect_uri: [REDIRECT_URI, REDIRECT_URI] }],
    ]
    it.each(unsafe)('%s: a page with 400 for the person', async (_case, parameters) => {
      const page = await createBrowser(server).open(url(parameters))
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBe(400)
      expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
      expect(page.text().length).toBeGreaterThan(20)
    })

    it('a missing client_id says so with the code of §4.1.2.1', async () => {
      const page = await createBrowser(server).open(url({ client_id: undefined }))
      expect(page.text()).toContain('invalid_request')
      expect(page.text()).toContain('client_id')
    })
  })

  describe('§4.1.2.1 errors that are sent back', () => {
    const errors: [string, Parameters<typeof authorizeUrl>[2], string][] = [
      ['a missing response_type', { response_type: undefined }, 'invalid_request'],
      ['an empty response_type (§3.1: as if it were left out)', { response_type: '' }, 'invalid_request'],
      ['response_type=token', { response_type: 'token' }, 'unsupported_response_type'],
      ['response_type=id_token', { response_type: 'id_token' }, 'unsupported_response_type'],
      ['response_type=code id_token', { response_type: 'code id_token' }, 'unsupported_response_type'],
      [
        'response_type=Code (values are case sensitive)',
        { response_type: 'Code' },
        'unsupported_response_type',
      ],
      ['response_type given twice', { response_type: ['code', 'code'] }, 'invalid_request'],
      ['scope given twice', { scope: ['files:read', 'files:write'] }, 'invalid_request'],
      ['nonce given twice', { nonce: ['a', 'b'] }, 'invalid_request'],
      ['code_challenge given twice', { code_challenge: ['a', 'b'] }, 'invalid_request'],
      ['a scope with a character that §3.3 forbids', { scope: 'files:read "all"' }, 'invalid_scope'],
      ['only scopes that nobody offers', { scope: 'moon:land' }, 'invalid_scope'],
    ]
    it.each(errors)('%s', async (_case, parameters, code) => {
      const leftTo = await sentTo(server, url(parameters))
      expect(leftTo.href.startsWith(`${REDIRECT_URI}?`)).toBe(true)
      expect(errorIn(leftTo)).toBe(code)
      expect(leftTo.searchParams.get('state')).toBe('a-state')
      expect(leftTo.searchParams.get('iss')).toBe(ISSUER)
      expect(leftTo.searchParams.get('code')).toBeNull()
    })

    it('state given twice is invalid_request, and neither state is answered for certain', async () => {
      const leftTo = await sentTo(server, url({ state: ['one', 'two'] }))
      expect(errorIn(leftTo)).toBe('invalid_request')
      expect(leftTo.searchParams.getAll('state').length).toBeLessThanOrEqual(1)
    })

    it('error_description has no characters but those of §4.1.2.1', async () => {
      const leftTo = await sentTo(server, url({ response_type: 'tökën"\\' }))
      expect(leftTo.searchParams.get('error_description')).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
    })

    it('access_denied when the person denies, with state and iss', async () => {
      const browser = await signedIn(server)
      const page = await browser.open(url({}))
      const { leftTo } = await browser.submit(page, { decision: 'deny' }, '/consent')
      expect(leftTo?.searchParams.get('error')).toBe('access_denied')
      expect(leftTo?.searchParams.get('state')).toBe('a-state')
      expect(leftTo?.searchParams.get('iss')).toBe(ISSUER)
    })

    it('unauthorized_client when the client may not use this grant', async () => {
      const client = await createClient(server, { grant_types: ['client_credentials'], servers: [] })
      const page = await createBrowser(server).open(
        authorizeUrl(client.client_id, createPkce(), { redirect_uri: WEB_REDIRECT_URI }),
      )
      const code = page.leftTo ? errorIn(page.leftTo) : page.text()
      expect(code).toContain('unauthorized_client')
    })
  })

  it('§4.1.2 state comes back exactly as it was sent, whatever characters it has', async () => {
    const state = 'ä "quoted" &=?#%20+/\\ 你好'
    const leftTo = await authorize(server, url({ state }))
    expect(leftTo.searchParams.get('state')).toBe(state)
  })

  it('§4.1.2 without state there is none in the answer', async () => {
    const leftTo = await authorize(server, url({ state: undefined }))
    expect([...leftTo.searchParams.keys()].sort()).toEqual(['code', 'iss'])
  })

  it('§3.1 parameters that nobody knows are ignored', async () => {
    const leftTo = await authorize(server, url({ utm_source: 'mail', audience: 'x', foo: ['1', '2'] }))
    expect(leftTo.searchParams.get('code')).not.toBeNull()
  })

  it('§3.1 a parameter without a value is as if it were left out', async () => {
    const leftTo = await authorize(server, url({ scope: '', nonce: '', prompt: '', max_age: '', state: '' }))
    expect(leftTo.searchParams.get('code')).not.toBeNull()
    expect(leftTo.searchParams.has('state')).toBe(false)
  })

  it('§3.1.2 a query in the registered redirect URI is retained', async () => {
    const redirect = 'http://127.0.0.1:33418/callback?tenant=a%20b&x=1'
    const id = await registerClient(server, { redirect_uris: [redirect] })
    const leftTo = await authorize(server, authorizeUrl(id, createPkce(), { redirect_uri: redirect }))
    expect(leftTo.href.startsWith(`${redirect}&`)).toBe(true)
  })

  it('§3.1.2.3 redirect_uri may be left out when one complete URI is registered', async () => {
    const { tokens } = await grant(server, { clientId, parameters: { redirect_uri: undefined } })
    expect(tokens.access_token).toBeDefined()
  })

  it('§3.1.2.3 redirect_uri MUST be there when several are registered', async () => {
    const redirect_uris = [REDIRECT_URI, 'http://127.0.0.1:33418/other']
    const id = await registerClient(server, { redirect_uris })
    const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri: undefined }))
    expect(page).toMatchObject({ status: 400, leftTo: undefined })
    expect(page.text()).toContain('redirect_uri')
  })

  it('OAuth 2.1 §7.5.3 no 307: the credentials of a form must not travel with the redirect', async () => {
    const browser = createBrowser(server)
    const page = await signIn(browser, await browser.open(url({})))
    const form = page.form('/consent')
    form.fields.set('decision', 'approve')
    const response = await server.fetch(form.action, {
      method: 'POST',
      body: form.fields,
      headers: {
        Cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        Origin: ISSUER,
      },
    })
    expect([302, 303]).toContain(response.status)
    expect(response.headers.get('Cache-Control')).toContain('no-store')
    expect(response.headers.get('Referrer-Policy')).toBe('no-referrer')
  })

  it('RFC 9700 §4.11.2 an error goes to a stranger’s https redirect only by the person’s own click', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const page = await createBrowser(server).open(
      authorizeUrl(id, createPkce(), { redirect_uri: WEB_REDIRECT_URI, scope: 'moon:land' }),
    )
    expect(page.leftTo).toBeUndefined()
    expect(page.text()).toContain('invalid_scope')
    const links = page.html.querySelectorAll('a').map((link) => link.getAttribute('href') ?? '')
    const back = links.find((link) => link.startsWith(`${WEB_REDIRECT_URI}?`)) ?? ''
    expect(errorIn(new URL(back))).toBe('invalid_scope')
  })

  it('RFC 9700 §4.11.2 an error goes at once to a pre-registered client', async () => {
    const client = await createClient(server)
    const leftTo = await sentTo(
      server,
      authorizeUrl(client.client_id, createPkce(), { redirect_uri: WEB_REDIRECT_URI, scope: 'moon:land' }),
    )
    expect(errorIn(leftTo)).toBe('invalid_scope')
    expect(leftTo.origin).toBe('https://client.example.com')
  })

  it('RFC 9700 §4.11.2 an error goes at once to a client that this person has approved before', async () => {
    const id = await registerClient(server, { client_name: 'Once', redirect_uris: [WEB_REDIRECT_URI] })
    const browser = await signedIn(server)
    const parameters = { redirect_uri: WEB_REDIRECT_URI }
    await grant(server, { clientId: id, browser, parameters })
    const failing = authorizeUrl(id, createPkce(), { ...parameters, scope: 'moon:land' })
    expect(errorIn(await sentTo(server, failing, browser))).toBe('invalid_scope')
    expect((await createBrowser(server).open(failing)).leftTo).toBeUndefined()
  })
})
