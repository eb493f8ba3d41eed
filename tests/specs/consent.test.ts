import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  MCP_URL,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import {
  asksForConsent,
  basic,
  createClient,
  errorIn,
  offeredScopes,
  postForm,
  signedIn,
  WEB_REDIRECT_URI,
} from './requests.ts'

const REVOKE = '/account/authorizations/revoke'
const hasRevoke = (page: Page) => page.html.querySelector(`form[action$="${REVOKE}"]`) !== null
const READ = 'files:read'
const BOTH = 'files:read files:write'

describe('decisions.md "Consent"', () => {
  let server: TestServer
  let serial = 0

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())
  const web = (scope: string) => ({ redirect_uri: WEB_REDIRECT_URI, scope })
  const webClient = (more: Record<string, unknown> = {}) =>
    registerClient(server, { client_name: `Web ${++serial}`, redirect_uris: [WEB_REDIRECT_URI], ...more })
  const open = (browser: Browser, clientId: string, parameters: Record<string, string>) =>
    browser.open(authorizeUrl(clientId, createPkce(), parameters))

  /** Approves only these of the scopes that are asked for, and returns the scope of the token. */
  async function approve(
    browser: Browser,
    clientId: string,
    parameters: Record<string, string>,
    scopes: string[],
  ) {
    const pkce = createPkce()
    const page = await browser.open(authorizeUrl(clientId, pkce, parameters))
    const { leftTo } = await browser.submit(page, { decision: 'approve', scope: scopes }, '/consent')
    const code = leftTo?.searchParams.get('code') ?? ''
    const request = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: pkce.verifier,
    }
    return (await requestToken(server, request)).body
  }

  describe('granted is exactly what was requested and approved', () => {
    it('the page offers what was asked for, and no more', async () => {
      const page = await open(await signedIn(server), await webClient(), web(READ))
      expect(offeredScopes(page)).toEqual([READ])
    })

    it('a part that is approved is the part that is granted', async () => {
      const body = await approve(await signedIn(server), await webClient(), web(BOTH), [READ])
      expect(body['scope']).toBe(READ)
    })

    it('a scope that was not asked for cannot be approved', async () => {
      const body = await approve(await signedIn(server), await webClient(), web(READ), [
        READ,
        'files:write',
        'admin',
      ])
      expect(body['scope'] ?? READ).toBe(READ)
    })

    it('nothing approved is access_denied', async () => {
      const browser = await signedIn(server)
      const page = await open(browser, await webClient(), web(BOTH))
      const answer = await browser.submit(page, { decision: 'approve', scope: undefined }, '/consent')
      const error = answer.leftTo ? errorIn(answer.leftTo) : answer.status
      expect(['access_denied', 400, 200]).toContain(error)
      expect(answer.leftTo?.searchParams.has('code') ?? false).toBe(false)
    })

    it('a decision that is neither approve nor deny grants nothing', async () => {
      const browser = await signedIn(server)
      for (const decision of ['', 'yes', undefined]) {
        const page = await open(browser, await webClient(), web(READ))
        const answer = await browser.submit(page, { decision }, '/consent')
        expect(answer.leftTo?.searchParams.has('code') ?? false).toBe(false)
      }
    })

    it('a page is answered once: the second time gives no second code', async () => {
      const browser = await signedIn(server)
      const page = await open(browser, await webClient(), web(READ))
      expect((await browser.submit(page, { decision: 'approve' }, '/consent')).leftTo).toBeDefined()
      const again = await browser.submit(page, { decision: 'approve' }, '/consent')
      expect(again.leftTo?.searchParams.has('code') ?? false).toBe(false)
    })
  })

  describe('step-up (MCP "Step-Up Authorization Flow")', () => {
    it('the union is asked for, and the page says which scopes are new', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await approve(browser, clientId, web(READ), [READ])
      const page = await open(browser, clientId, web(BOTH))
      expect(offeredScopes(page).sort()).toEqual(['files:read', 'files:write'])
      const labels = page.html.querySelectorAll('label').map((label) => label.innerHTML)
      const isNew = (scope: string) =>
        />\s*new\s*</i.test(labels.find((label) => label.includes(scope)) ?? '')
      expect(isNew('files:write')).toBe(true)
      expect(isNew('files:read')).toBe(false)
      const body = await approve(browser, clientId, web(BOTH), ['files:read', 'files:write'])
      expect(body['scope']).toBe(BOTH)
    })

    it('only the new scope asked for: only that is granted (accumulating is the client’s job)', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await approve(browser, clientId, web(READ), [READ])
      const body = await approve(browser, clientId, web('files:write'), ['files:write'])
      expect(body['scope']).toBe('files:write')
    })

    it('the token before the step-up keeps its scope through a refresh', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      const first = await approve(browser, clientId, web(READ), [READ])
      await approve(browser, clientId, web(BOTH), ['files:read', 'files:write'])
      const request = { grant_type: 'refresh_token', client_id: clientId, refresh_token: first.refresh_token }
      expect((await requestToken(server, request)).body['scope']).toBe(READ)
    })

    it('a step-up that the person turns down leaves what was granted', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      const first = await approve(browser, clientId, web(READ), [READ])
      const page = await open(browser, clientId, web(BOTH))
      await browser.submit(page, { decision: 'deny' }, '/consent')
      const request = { grant_type: 'refresh_token', client_id: clientId, refresh_token: first.refresh_token }
      expect((await requestToken(server, request)).status).toBe(200)
    })
  })

  describe('what is remembered binds user, client, server, scopes and the redirect’s origin', () => {
    it('the same again, or less, at an https redirect is silent', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: web(BOTH) })
      for (const scope of [BOTH, READ, 'files:write files:read']) {
        const { leftTo } = await open(browser, clientId, web(scope))
        expect(leftTo?.searchParams.get('code')).toEqual(expect.any(String))
      }
    })

    it('more scopes are asked about', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: web(READ) })
      expect(asksForConsent(await open(browser, clientId, web(BOTH)))).toBe(true)
    })

    it('a scope that was asked for but not approved is asked about again', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await approve(browser, clientId, web(BOTH), [READ])
      expect(asksForConsent(await open(browser, clientId, web(BOTH)))).toBe(true)
      expect(asksForConsent(await open(browser, clientId, web(READ)))).toBe(false)
    })

    it('another origin of the redirect is asked about, another path of it is not', async () => {
      const [path, origin] = [`${WEB_REDIRECT_URI}/2`, 'https://other.example.com/callback']
      const clientId = await webClient({ redirect_uris: [WEB_REDIRECT_URI, path, origin] })
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: web(READ) })
      expect(asksForConsent(await open(browser, clientId, { scope: READ, redirect_uri: origin }))).toBe(true)
      expect(asksForConsent(await open(browser, clientId, { scope: READ, redirect_uri: path }))).toBe(false)
    })

    it('another server is asked about', async () => {
      const resource = 'https://second.example.com/mcp'
      await registerServer(server, { server_url: resource })
      const clientId = await webClient()
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: { ...web(READ), resource: MCP_URL } })
      expect(asksForConsent(await open(browser, clientId, { ...web(READ), resource }))).toBe(true)
    })

    it('another client of the same name is asked about', async () => {
      const browser = await signedIn(server)
      await grant(server, { clientId: await webClient(), browser, parameters: web(READ) })
      expect(asksForConsent(await open(browser, await webClient(), web(READ)))).toBe(true)
    })

    it('a denial is not remembered, neither as a no nor as a yes', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      const page = await open(browser, clientId, web(READ))
      await browser.submit(page, { decision: 'deny' }, '/consent')
      expect(asksForConsent(await open(browser, clientId, web(READ)))).toBe(true)
    })

    it('decided by this request’s redirect, not by what the client could also use (issue 2, part 6)', async () => {
      const loopback = 'http://127.0.0.1:4000/callback'
      const clientId = await webClient({ redirect_uris: [WEB_REDIRECT_URI, loopback] })
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: web(READ) })
      await grant(server, { clientId, browser, parameters: { scope: READ, redirect_uri: loopback } })
      expect(asksForConsent(await open(browser, clientId, { scope: READ, redirect_uri: loopback }))).toBe(
        true,
      )
      expect(asksForConsent(await open(browser, clientId, web(READ)))).toBe(false)
    })

    it('a confidential client on loopback is remembered, as an impostor lacks its secret', async () => {
      const redirect_uri = 'http://127.0.0.1:4000/callback'
      const client = await createClient(server, { redirect_uris: [redirect_uri] })
      const browser = await signedIn(server)
      const pkce = createPkce()
      const page = await browser.open(authorizeUrl(client.client_id, pkce, { redirect_uri, scope: READ }))
      const { leftTo } = await browser.submit(page, { decision: 'approve' }, '/consent')
      const { status } = await postForm(
        server,
        '/token',
        {
          grant_type: 'authorization_code',
          code: leftTo?.searchParams.get('code') ?? '',
          code_verifier: pkce.verifier,
        },
        { Authorization: basic(client.client_id, client.client_secret) },
      )
      expect(status).toBe(200)
      const again = await open(browser, client.client_id, { redirect_uri, scope: READ })
      expect(again.leftTo?.searchParams.get('code')).toEqual(expect.any(String))
    })

    it('what the person revoked on the account page is asked about again', async () => {
      const clientId = await webClient()
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters: web(READ) })
      let page = await browser.open('/account')
      expect(hasRevoke(page)).toBe(true)
      while (hasRevoke(page)) {
        await browser.submit(page, {}, REVOKE)
        page = await browser.open('/account')
      }
      expect(asksForConsent(await open(browser, clientId, web(READ)))).toBe(true)
    })
  })
})
