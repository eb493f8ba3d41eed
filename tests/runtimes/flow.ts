import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Authenticator, createAuthenticator } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  type Granted,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
  signIn,
  type TokenBody,
} from '../support/flow.ts'
import { OWNER, type TestServer } from '../support/server.ts'
import { type ClientApp, startClientApp } from './client_app.ts'
import { addPasskey, signInByPasskey } from './passkey.ts'
import type { SetUp } from './set_up.ts'

const READ = 'files:read'
const BOTH = 'files:read files:write'

interface News {
  cursor: string
  snapshot: boolean
  denials: { kind: string; subject: string }[]
}

/**
 * The whole way of people, clients and an MCP server, in steps of which each stands on those before it; the same whatever
 * the server runs on. What one node did, every node knows.
 */
export function describeFlow(name: string, start: () => Promise<SetUp>): void {
  describe(name, () => {
    let setUp: SetUp
    let server: TestServer
    let nodes: readonly TestServer[]
    let app: ClientApp
    let mcp: RegisteredServer
    /** Of a person who comes back with a passkey. */
    let authenticator: Authenticator
    let browser: Browser
    /** What the client that registered itself was granted. */
    let registered: Granted
    /** What the client of a metadata document was granted, for the issuer alone. */
    let identified: TokenBody

    beforeAll(async () => {
      setUp = await start()
      server = setUp.server
      nodes = setUp.nodes
      app = await startClientApp()
      mcp = await registerServer(server)
      authenticator = createAuthenticator(server.issuer)
    })
    afterAll(async () => {
      await app?.close()
      await setUp?.close()
    })

    const getJson = async (node: TestServer, path: string, headers: Record<string, string> = {}) => {
      const response = await node.fetch(path, { headers })
      expect([path, response.status]).toEqual([path, 200])
      return (await response.json()) as Record<string, unknown>
    }
    const readFeed = async (node: TestServer, query: Record<string, string>) =>
      (await getJson(node, `/revocations?${new URLSearchParams(query)}`, {
        Authorization: `Bearer ${mcp.key}`,
      })) as unknown as News
    const isActive = async (node: TestServer, token: string) =>
      (await introspect(node, mcp.key, token))['active']
    const verify = async (token: unknown, expected: { audience: string; typ: string }) => {
      const jwks = await getJson(server, '/.well-known/jwks.json')
      const options = { issuer: server.issuer, ...expected }
      const keys = createLocalJWKSet(jwks as unknown as JSONWebKeySet)
      return (await jwtVerify(String(token), keys, options)).payload
    }
    const grantOf = ({ access_token }: TokenBody) =>
      verify(access_token, { audience: MCP_URL, typ: 'at+jwt' })

    it('is ready, and found by its metadata', async () => {
      const keys = await getJson(server, '/.well-known/jwks.json')
      for (const node of nodes) {
        for (const path of ['/health', '/ready']) expect((await node.fetch(path)).status).toBe(200)
        for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])
          expect(await getJson(node, path)).toMatchObject({
            issuer: server.issuer,
            token_endpoint: `${server.issuer}/token`,
            code_challenge_methods_supported: ['S256'],
            client_id_metadata_document_supported: true,
          })
        expect(await getJson(node, '/.well-known/jwks.json')).toEqual(keys)
        expect(await getJson(node, `/.well-known/oauth-protected-resource/${mcp.server_id}`)).toMatchObject({
          resource: MCP_URL,
          authorization_servers: [server.issuer],
        })
      }
    })

    it('lets a person in by password, and takes a passkey', async () => {
      const known = createBrowser(server)
      const wrong = { ...OWNER, password: 'a wrong password' }
      expect((await signIn(known, await known.open('/sign-in'), wrong)).status).toBe(401)
      expect((await signIn(known, await known.open('/sign-in'))).status).toBe(200)
      const added = await addPasskey(known, await known.open('/account'), authenticator, 'My laptop')
      expect(added).toEqual({ status: 200, body: { ok: true } })
      expect((await known.open('/account')).text()).toContain('My laptop')
    })

    it('gives a client that registered tokens for one MCP server: password, consent, code, PKCE', async () => {
      const clientId = await registerClient(server)
      const pkce = createPkce()
      const visitor = createBrowser(server)
      const signInPage = await visitor.open(authorizeUrl(clientId, pkce, { scope: BOTH }))
      const consentPage = await signIn(visitor, signInPage)
      expect(consentPage.text()).toContain('Change your files')
      const { leftTo } = await visitor.submit(consentPage, { decision: 'approve' }, '/consent')
      const answer = Object.fromEntries(leftTo?.searchParams ?? [])
      expect(answer).toEqual({ state: 'a-state', iss: server.issuer, code: expect.any(String) })

      const code = String(answer['code'])
      const exchange = (verifier: string) =>
        requestToken(server, {
          grant_type: 'authorization_code',
          client_id: clientId,
          code,
          code_verifier: verifier,
          resource: MCP_URL,
        })
      const guessed = await exchange(createPkce().verifier)
      expect([guessed.status, guessed.body.error]).toEqual([400, 'invalid_grant'])
      const { status, body: tokens } = await exchange(pkce.verifier)
      expect(status).toBe(200)
      expect(await grantOf(tokens)).toMatchObject({ client_id: clientId, scope: BOTH })
      registered = { clientId, code, pkce, tokens }
    })

    it('tells the MCP server whose token it is', async () => {
      const { clientId, tokens } = registered
      const { sub, grant_id, jti } = await grantOf(tokens)
      for (const node of nodes)
        expect(await introspect(node, mcp.key, tokens.access_token)).toMatchObject({
          active: true,
          scope: BOTH,
          client_id: clientId,
          aud: MCP_URL,
          iss: server.issuer,
          email: OWNER.email,
          ...{ sub, grant_id, jti },
        })
    })

    it('gives a refresh token one successor, however often and wherever it is presented', async () => {
      const { refresh_token } = registered.tokens
      const twice = [...nodes, ...nodes]
      const answers = await Promise.all(twice.map((node) => refresh(node, registered, refresh_token)))
      expect(answers.map(({ status }) => status)).toEqual(twice.map(() => 200))
      expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)

      const [first] = answers
      const narrow = await refresh(server, registered, first?.body.refresh_token ?? '', { scope: READ })
      expect(await grantOf(narrow.body)).toMatchObject({ scope: READ })
      const whole = await refresh(server, registered, narrow.body.refresh_token)
      expect(await grantOf(whole.body)).toMatchObject({ scope: BOTH })
      registered.tokens = whole.body
    })

    it('takes a client by its metadata document and a person by passkey, and says who it is', async () => {
      browser = createBrowser(server)
      const pkce = createPkce()
      const parameters = { redirect_uri: app.redirectUri, resource: undefined, scope: 'openid email' }
      const url = authorizeUrl(app.clientId, pkce, { ...parameters, nonce: 'a-nonce' })
      const page = await signInByPasskey(browser, await browser.open(url), authenticator)
      expect(page.text()).toContain('Desk')
      const { leftTo } = await browser.submit(page, { decision: 'approve' }, '/consent')
      const { status, body } = await requestToken(server, {
        grant_type: 'authorization_code',
        client_id: app.clientId,
        code: leftTo?.searchParams.get('code') ?? '',
        code_verifier: pkce.verifier,
      })
      expect(status).toBe(200)
      const { sub } = await grantOf(registered.tokens)
      expect(await verify(body['id_token'], { audience: app.clientId, typ: 'JWT' })).toMatchObject({
        sub,
        nonce: 'a-nonce',
      })
      for (const node of nodes)
        expect(await getJson(node, '/userinfo', { Authorization: `Bearer ${body.access_token}` })).toEqual({
          sub,
          email: OWNER.email,
          email_verified: true,
        })
      identified = body
    })

    it('asks anew for more, and tells a revocation to every node and to the MCP server', async () => {
      const asks = { redirect_uri: app.redirectUri }
      const options = { clientId: app.clientId, browser }
      await grant(server, { ...options, parameters: { ...asks, scope: READ } })
      const page = await browser.open(authorizeUrl(app.clientId, createPkce(), { ...asks, scope: BOTH }))
      expect(labelOf(page, 'Change your files')).toContain('new')
      expect(labelOf(page, 'Read your files')).not.toContain('new')
      const granted = await grant(server, { ...options, parameters: { ...asks, scope: BOTH } })
      const { access_token, refresh_token } = granted.tokens
      const { grant_id } = await grantOf(granted.tokens)

      const cursors = await Promise.all(nodes.map(async (node) => (await readFeed(node, {})).cursor))
      const followers = nodes.map((node, n) => readFeed(node, { cursor: cursors[n] ?? '', wait: '20' }))
      const body = new URLSearchParams({ token: refresh_token, client_id: app.clientId })
      expect((await server.fetch('/revoke', { method: 'POST', body })).status).toBe(200)
      for (const news of await Promise.all(followers)) {
        expect(news.snapshot).toBe(false)
        expect(news.denials).toMatchObject([{ kind: 'grant', subject: grant_id }])
      }
      for (const node of nodes) {
        await expect.poll(() => isActive(node, access_token), { timeout: 30_000 }).toBe(false)
        const { status, body } = await refresh(node, granted, refresh_token)
        expect([status, body.error]).toEqual([400, 'invalid_grant'])
        expect(await isActive(node, registered.tokens.access_token)).toBe(true)
      }
    })

    it('takes a code once, and ends what it gave when it comes again', async () => {
      const { clientId, code, pkce, tokens } = registered
      const replay = { grant_type: 'authorization_code', client_id: clientId, code }
      const { status, body } = await requestToken(server, { ...replay, code_verifier: pkce.verifier })
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
      for (const node of nodes)
        await expect.poll(() => isActive(node, tokens.access_token), { timeout: 30_000 }).toBe(false)
    })

    it('signs a person out of every node', async () => {
      const url = authorizeUrl(app.clientId, createPkce(), {
        redirect_uri: app.redirectUri,
        resource: undefined,
        scope: 'openid email',
        prompt: 'none',
      })
      const errorAt = async (node: TestServer) => {
        const same = createBrowser(node)
        for (const [cookie, value] of cookies) same.cookies.set(cookie, value)
        return (await same.open(url)).leftTo?.searchParams.get('error')
      }
      const cookies = new Map(browser.cookies)
      // Whoever knows a client's loopback address could ask in its name, so a person always answers (RFC 8252 §8.6).
      for (const node of nodes) expect(await errorAt(node)).toBe('consent_required')
      const logout = new URLSearchParams({
        id_token_hint: String(identified['id_token']),
        post_logout_redirect_uri: app.postLogoutRedirectUri,
        state: 'goodbye',
      })
      const { leftTo } = await browser.open(`/logout?${logout}`)
      expect(leftTo?.href).toBe(`${app.postLogoutRedirectUri}?state=goodbye`)
      for (const node of nodes) expect(await errorAt(node)).toBe('login_required')
    })
  })
}

function labelOf(page: Page, text: string): string {
  const labels = page.html.querySelectorAll('label').map((label) => label.structuredText)
  return labels.find((label) => label.includes(text)) ?? ''
}
