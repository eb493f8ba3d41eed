import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const WEB_REDIRECT = 'https://app.example.com/callback'
const CIMD = 'https://app.example.com/client.json'

describe('consent', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    server.documents.set(CIMD, { client_id: CIMD, client_name: 'App', redirect_uris: [WEB_REDIRECT] })
  })
  afterAll(() => server.close())

  const url = (clientId: string, parameters = {}) => authorizeUrl(clientId, createPkce(), parameters)

  async function signedInBrowser() {
    const browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
    return browser
  }

  it('grants exactly what was approved', async () => {
    const browser = await signedInBrowser()
    const page = await browser.open(url(await registerClient(server)))
    const { leftTo } = await browser.submit(page, {
      decision: 'approve',
      scope: ['files:read', 'manage', 'openid'],
    })
    expect(leftTo?.searchParams.get('code')).toBeTruthy()
    const code = leftTo?.searchParams.get('code') ?? ''
    const [row] = await server.database.database.query<{ scopes: string[] }>({
      name: 'test_scopes',
      text: 'select scopes from auth_agent.auth_codes order by created_at desc limit 1',
    })
    expect([code.length > 20, row?.scopes]).toEqual([true, ['files:read']])
  })

  it('is access_denied where nothing is approved, or Deny is pressed', async () => {
    const browser = await signedInBrowser()
    const clientId = await registerClient(server)
    for (const answer of [{ decision: 'deny' }, { decision: 'approve', scope: undefined }]) {
      const { leftTo } = await browser.submit(await browser.open(url(clientId)), answer)
      expect(Object.fromEntries(leftTo?.searchParams ?? [])).toMatchObject({
        error: 'access_denied',
        iss: ISSUER,
      })
    }
  })

  it('asks a loopback client that does not authenticate every time', async () => {
    const browser = await signedInBrowser()
    const clientId = await registerClient(server)
    await browser.submit(await browser.open(url(clientId)), { decision: 'approve' })
    expect((await browser.open(url(clientId))).html.querySelector('form[action="/consent"]')).toBeTruthy()
  })

  it('is remembered for an https redirect, until more is asked, or the document changes', async () => {
    const browser = await signedInBrowser()
    const ask = (scope: string) => browser.open(url(CIMD, { redirect_uri: WEB_REDIRECT, scope }))
    await browser.submit(await ask('files:read'), { decision: 'approve' })
    expect((await ask('files:read')).leftTo?.searchParams.get('code')).toBeTruthy()

    const stepUp = await ask('files:read files:write')
    expect(stepUp.leftTo).toBeUndefined()
    expect(stepUp.text()).toMatch(/new/)
    await browser.submit(stepUp, { decision: 'approve' })
    expect((await ask('files:read files:write')).leftTo?.searchParams.get('code')).toBeTruthy()

    server.documents.set(CIMD, { client_id: CIMD, client_name: 'Other', redirect_uris: [WEB_REDIRECT] })
    server.clock.advance(301)
    expect((await ask('files:read')).leftTo).toBeUndefined()
  })

  it('shows the verified domain of a metadata document, the redirect host, the server and who is signed in', async () => {
    const browser = await signedInBrowser()
    const text = (await browser.open(url(CIMD, { redirect_uri: WEB_REDIRECT, prompt: 'consent' }))).text()
    for (const shown of [
      'app.example.com',
      'Files',
      MCP_URL,
      'Read your files',
      'files:read',
      'owner@example.com',
    ]) {
      expect(text).toContain(shown)
    }
  })

  it('counts once, and only in the session that saw it', async () => {
    const clientId = await registerClient(server)
    const [browser, other] = [await signedInBrowser(), await signedInBrowser()]
    const page = await browser.open(url(clientId))
    const request = page.form('/consent').fields.get('request') ?? ''
    const otherPage = await other.open(url(clientId))
    const stolen = await other.submit(otherPage, { decision: 'approve', request })
    expect([stolen.status, stolen.leftTo]).toEqual([400, undefined])
    expect((await browser.submit(page, { decision: 'approve' })).leftTo).toBeDefined()
    const again = await browser.submit(page, { decision: 'approve' })
    expect([again.status, again.leftTo]).toEqual([400, undefined])
  })

  it('ends with the access policy: at the next request, at refresh, and for tokens that are out', async () => {
    const granted = await grant(server)
    await server.manage('PATCH', `/servers/${mcp.server_id}`, {
      access: { emails: ['somebody@example.com'] },
    })
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toEqual({ active: false })
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
    const browser = await signedInBrowser()
    const page = await browser.open(url(granted.clientId))
    expect([page.status, page.leftTo]).toEqual([403, undefined])
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { access: 'members' })
  })

  it('is taken back on the account page, with every token', async () => {
    const browser = await signedInBrowser()
    const granted = await grant(server, { browser })
    const account = await browser.open('/account')
    const revoke = account.html
      .querySelectorAll('form')
      .filter((form) => form.getAttribute('action')?.endsWith('/account/authorizations/revoke'))
    for (const form of revoke) {
      const fields = Object.fromEntries(
        form
          .querySelectorAll('input')
          .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']),
      )
      await browser.post('/account/authorizations/revoke', fields)
    }
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toEqual({ active: false })
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('lets in only the clients that the organisation admits', async () => {
    const browser = await signedInBrowser()
    await server.manage('PATCH', '/organization', { client_policy: { domains: ['app.example.com'] } })
    const refused = await browser.open(url(await registerClient(server)))
    expect(refused.leftTo?.searchParams.get('error')).toBe('unauthorized_client')
    const admitted = await browser.open(url(CIMD, { redirect_uri: WEB_REDIRECT, prompt: 'consent' }))
    expect(admitted.html.querySelector('form[action="/consent"]')).toBeTruthy()
    await server.manage('PATCH', '/organization', { client_policy: 'registered' })
    expect((await browser.open(url(CIMD, { redirect_uri: WEB_REDIRECT }))).text()).toContain(
      'unauthorized_client',
    )
    await server.manage('PATCH', '/organization', { client_policy: 'everyone' })
  })
})
