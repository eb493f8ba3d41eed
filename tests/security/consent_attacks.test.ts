import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  registerClient,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

describe('attacks on the consent page', () => {
  let server: TestServer
  let clientId: string
  let browser: Browser

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
    browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
  })
  afterAll(() => server.close())

  const ask = (parameters = {}, id = clientId) => browser.open(authorizeUrl(id, createPkce(), parameters))

  describe('phishing by name (MCP security, CIMD draft §6)', () => {
    const register = (client_name: string) => registerClient(server, { client_name })

    it('a name that nobody vouches for is said to be one, and the destination is shown', async () => {
      const page = await ask({}, await register('Claude by Anthropic'))
      expect(page.text()).toMatch(/nobody vouches for this name/)
      expect(page.html.querySelector('h1')?.text).not.toContain('Claude')
      expect(page.text()).toContain('127.0.0.1:33418')
    })

    it('a client on loopback alone is said to be one that any program could pose as (RFC 8252 §8.6)', async () => {
      expect((await ask()).text()).toMatch(/any program could pose as it/)
    })

    it.each([
      '\u202eedualC',
      'Cla\u200bude',
      'Claude\u2066\u2069',
      'Claude\n\n\nAllow',
      '<b>Claude</b>',
      'x'.repeat(120),
    ])('the name %j can neither hide nor turn around what stands beside it', async (name) => {
      const page = await ask({}, await register(name))
      expect(page.html.toString()).not.toMatch(/[\u200b\u202a-\u202e\u2066-\u2069]/)
      expect(page.html.toString()).not.toContain('<b>Claude')
      expect(page.text()).toContain('127.0.0.1:33418')
    })
  })

  it('escalation: scopes that were added to the form are not granted', async () => {
    const page = await ask({ scope: 'files:read' })
    const fields = { decision: 'approve', scope: ['files:read', 'files:write', 'manage', 'offline_access'] }
    const { leftTo } = await browser.submit(page, fields)
    const text =
      'select scopes from auth_agent.auth_codes where digest is not null order by created_at desc limit 1'
    const [row] = await server.database.database.query<{ scopes: string[] }>({
      name: 'last_code_scopes',
      text,
    })
    expect([leftTo?.searchParams.has('code'), row?.scopes]).toEqual([true, ['files:read']])
  })

  it('a double submit grants once', async () => {
    const page = await ask()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => browser.submit(page, { decision: 'approve' })),
    )
    expect(answers.filter(({ leftTo }) => leftTo?.searchParams.has('code'))).toHaveLength(1)
  })

  it('what was denied cannot be approved afterwards', async () => {
    const page = await ask()
    expect((await browser.submit(page, { decision: 'deny' })).leftTo?.searchParams.get('error')).toBe(
      'access_denied',
    )
    const again = await browser.submit(page, { decision: 'approve' })
    expect([again.status, again.leftTo]).toEqual([400, undefined])
  })

  it('to be asked writes nothing, so that pages that are opened and left fill no table', async () => {
    const text = `select (select count(*) from auth_agent.auth_requests)::int as requests,
      (select count(*) from auth_agent.clients)::int as clients, (select count(*) from auth_agent.audit_events)::int as events`
    const look = () => server.database.database.query({ name: 'rows_of_requests', text })
    await ask()
    const before = await look()
    await ask()
    expect(await look()).toEqual(before)
  })

  describe('the request is in the page, where who answers could change it', () => {
    const sealed = async () => {
      const page = await ask({ scope: 'files:read' })
      const [payload = '', mac = ''] = page.form('/consent').fields.get('request')?.split('.') ?? []
      const request = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
      return { page, payload, mac, request }
    }
    const seal = (request: object) => Buffer.from(JSON.stringify(request)).toString('base64url')

    it.each([
      ['another redirect', { redirectUri: 'https://evil.example/callback' }],
      ['more scopes', { scopes: ['files:read', 'files:write'] }],
      ['another client', { clientId: 'app_evil' }],
      ['a challenge of another', { codeChallenge: 'x'.repeat(43) }],
      ['another state', { state: 'planted' }],
      ['more time', { expiresAt: 9_999_999_999_999 }],
      ['another page, to answer twice', { pageId: 'another' }],
    ])('%s is refused', async (_, change) => {
      const { page, mac, request } = await sealed()
      const fields = { request: `${seal({ ...request, ...change })}.${mac}`, decision: 'approve' }
      const answer = await browser.submit(page, fields)
      expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    })

    it.each([
      ['nothing', () => ''],
      ['no seal', (payload: string) => payload],
      ['a short seal', (payload: string, mac: string) => `${payload}.${mac.slice(1)}`],
      ['a seal of nothing', (_: string, mac: string) => `.${mac}`],
      ['a seal that is none', (payload: string) => `${payload}.${'A'.repeat(43)}`],
    ])('%s is refused', async (_, change) => {
      const { page, payload, mac } = await sealed()
      const answer = await browser.submit(page, { request: change(payload, mac), decision: 'approve' })
      expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    })

    it('another session cannot answer it, not even one of the same person', async () => {
      const other = createBrowser(server)
      await signIn(other, await other.open('/sign-in'))
      const ofOther = await other.open(authorizeUrl(clientId, createPkce()))
      const { page } = await sealed()
      const request = page.form('/consent').fields.get('request') ?? ''
      const answer = await other.submit(ofOther, { request, decision: 'approve' })
      expect([answer.status, answer.leftTo]).toEqual([400, undefined])
      expect((await other.submit(ofOther, { decision: 'approve' })).leftTo).toBeDefined()
    })

    it('it is answered once even at a node whose clock is behind that of the one that cleans', async () => {
      const page = await ask()
      expect((await browser.submit(page, { decision: 'approve' })).leftTo).toBeDefined()
      server.clock.advance(601)
      await server.server.maintain()
      server.clock.advance(-601)
      const again = await browser.submit(page, { decision: 'approve' })
      expect([again.status, again.leftTo]).toEqual([400, undefined])
    })
  })

  it('an answer after ten minutes is too late, and grants nothing', async () => {
    const page = await ask()
    server.clock.advance(601)
    const late = await browser.submit(page, { decision: 'approve' })
    expect([late.status, late.leftTo]).toEqual([400, undefined])
  })

  it('an answer after signing out grants nothing', async () => {
    const other = createBrowser(server)
    await signIn(other, await other.open('/sign-in'))
    const page = await other.open(authorizeUrl(clientId, createPkce()))
    await other.submit(await other.open('/account'), {}, '/logout')
    const late = await other.submit(page, { decision: 'approve' })
    expect([late.status >= 400, late.leftTo]).toEqual([true, undefined])
  })

  it('prompt=none never grants what was not approved', async () => {
    const id = await registerClient(server, { client_name: 'Silent' })
    const { leftTo } = await ask({ prompt: 'none' }, id)
    expect(leftTo?.searchParams.get('error')).toBe('consent_required')
  })

  it('login CSRF: a code of the attacker cannot be planted, since the client checks state and PKCE is bound', async () => {
    const attacker = createPkce()
    const page = await browser.open(authorizeUrl(clientId, attacker))
    const { leftTo } = await browser.submit(page, { decision: 'approve' })
    const parameters = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code: leftTo?.searchParams.get('code') ?? '',
      code_verifier: createPkce().verifier,
    }
    expect((await requestToken(server, parameters)).body.error).toBe('invalid_grant')
  })
})
