import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { createDocumentHost, documentOf } from './document_host.ts'
import { asksForConsent, errorIn, postForm, signedIn } from './requests.ts'

const REDIRECT = 'https://app.example.com/callback'

describe('draft-ietf-oauth-client-id-metadata-document', () => {
  const host = createDocumentHost()
  let server: TestServer
  let mcp: RegisteredServer
  let serial = 0

  beforeAll(async () => {
    server = await createTestServer({ fetchPublicUrl: host.fetchPublicUrl })
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  /** Hosts a document on a host of its own, as hosts that fail too often are left alone for a while. */
  function publish(members: Record<string, unknown> = {}): string {
    const clientId = `https://app-${++serial}.example.com/client.json`
    host.documents.set(clientId, { body: documentOf(clientId, members) })
    return clientId
  }
  const parameters = { redirect_uri: REDIRECT }
  const open = (clientId: string, more: Record<string, string> = {}) =>
    createBrowser(server).open(authorizeUrl(clientId, createPkce(), { ...parameters, ...more }))

  it('§4 a document is fetched, and the client gets its tokens and refreshes', async () => {
    const clientId = publish()
    const { tokens } = await grant(server, { clientId, parameters })
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({
      active: true,
      client_id: clientId,
    })
    expect((await refresh(server, { clientId }, tokens.refresh_token)).status).toBe(200)
  })

  it('§6 the consent page shows the name and the host that vouches for it', async () => {
    const browser = await signedIn(server)
    const clientId = publish()
    const page = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
    expect(page.text()).toContain('Example MCP client')
    expect(page.text()).toContain(new URL(clientId).host)
    expect(page.text()).toContain('app.example.com')
  })

  it('§6.6 no more than 5 KiB of JSON is read', async () => {
    await open(publish())
    expect(host.limits?.maxBytes).toBe(5 * 1024)
    expect(host.limits?.contentTypes).toEqual(['application/json'])
  })

  describe('§3 what is no client_id', () => {
    it.each([
      'http://app.example.com/client.json',
      'https://app.example.com',
      'https://app.example.com/a/../client.json',
      'https://app.example.com/./client.json',
      'https://app.example.com/client.json#fragment',
      'https://user@app.example.com/client.json',
      'https://user:pass@app.example.com/client.json',
      'https://app.example.com/%2e%2e/client.json',
      'HTTPS://APP.example.com/a/..',
    ])('%s is refused with a page, and not fetched', async (clientId) => {
      host.documents.set(new URL(clientId).href, { body: documentOf(clientId) })
      const page = await open(clientId)
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(page.status).toBeLessThan(500)
      expect(host.fetches(new URL(clientId).href)).toBe(0)
    })
  })

  describe('§4.1 what is no document for this client_id', () => {
    const url = (name: string) => `https://bad-${name.toLowerCase()}.example.com/client.json`
    const bad: [string, (clientId: string) => unknown][] = [
      ['client_id of another URL', () => documentOf('https://app.example.com/other.json')],
      ['client_id in another spelling', (id) => documentOf(id.replace('https://bad', 'https://BAD'))],
      ['client_id with a slash more', (id) => documentOf(`${id}/`)],
      ['no client_id', (id) => ({ ...documentOf(id), client_id: undefined })],
      ['no redirect_uris', (id) => documentOf(id, { redirect_uris: undefined })],
      ['empty redirect_uris', (id) => documentOf(id, { redirect_uris: [] })],
      [
        'redirect_uris with javascript:',
        (id) => documentOf(id, { redirect_uris: [REDIRECT, 'javascript:1'] }),
      ],
      ['client_secret_basic', (id) => documentOf(id, { token_endpoint_auth_method: 'client_secret_basic' })],
      ['client_secret_post', (id) => documentOf(id, { token_endpoint_auth_method: 'client_secret_post' })],
      ['client_secret_jwt', (id) => documentOf(id, { token_endpoint_auth_method: 'client_secret_jwt' })],
      ['a client_secret', (id) => documentOf(id, { client_secret: 'x' })],
      ['client_secret_expires_at', (id) => documentOf(id, { client_secret_expires_at: 0 })],
      [
        'private_key_jwt without keys',
        (id) => documentOf(id, { token_endpoint_auth_method: 'private_key_jwt' }),
      ],
      ['no JSON', () => '<html>'],
      ['JSON that is no object', () => '[]'],
      ['null', () => 'null'],
      ['a broken object', () => '{"client_id":'],
    ]
    it.each(bad)('%s: a page that says why, no redirect', async (name, body) => {
      const clientId = url(name.replaceAll(/[^a-z]/gi, '-'))
      host.documents.set(clientId, { body: body(clientId) })
      const page = await open(clientId)
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBe(400)
      expect(page.text()).toMatch(/invalid_client|invalid_request/)
      expect(page.html.toString()).not.toContain('href="https://app.example.com/callback')
    })

    it('a document larger than 5 KiB', async () => {
      const page = await open(publish({ padding: 'x'.repeat(6000) }))
      expect(page).toMatchObject({ status: 400, leftTo: undefined })
    })

    it('a document that cannot be had', async () => {
      const page = await open('https://app.example.com/nowhere.json')
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(page.text()).toContain('app.example.com')
    })
  })

  it('MCP "Client ID Metadata Documents": members that nobody knows do no harm', async () => {
    const { tokens } = await grant(server, {
      clientId: publish({ foo: { bar: 1 }, contacts: [] }),
      parameters,
    })
    expect(tokens.access_token).toBeDefined()
  })

  it('§4.1 without token_endpoint_auth_method the client is public, as it cannot have a secret', async () => {
    const clientId = publish({ token_endpoint_auth_method: undefined })
    expect((await grant(server, { clientId, parameters })).tokens.access_token).toBeDefined()
  })

  describe('§4.2 redirect_uri must be in the document', () => {
    it.each([
      'https://attacker.example/callback',
      `${REDIRECT}/x`,
      `${REDIRECT}?a`,
      'https://app.example.com/',
    ])('%s is not', async (redirect_uri) => {
      expect(await open(publish(), { redirect_uri })).toMatchObject({ status: 400, leftTo: undefined })
    })

    it('clients.md a loopback redirect without a port fits any port', async () => {
      const clientId = publish({ redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'] })
      for (const redirect_uri of ['http://127.0.0.1:50123/callback', 'http://localhost:50123/callback']) {
        const sent = await authorize(server, authorizeUrl(clientId, createPkce(), { redirect_uri }))
        expect(sent.href.startsWith(redirect_uri)).toBe(true)
      }
    })
  })

  describe('§6.2 private_key_jwt', () => {
    it.each(['jwks', 'jwks_uri'])('keys in %s', async (where) => {
      const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] }
      const jwks_uri = `https://app-${serial + 1}.example.com/jwks.json`
      host.documents.set(jwks_uri, { body: jwks })
      const keys = where === 'jwks' ? { jwks } : { jwks_uri }
      const clientId = publish({ token_endpoint_auth_method: 'private_key_jwt', ...keys })
      const pkce = createPkce()
      const sent = await authorize(server, authorizeUrl(clientId, pkce, parameters))
      const code = sent.searchParams.get('code') ?? ''
      const request = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: pkce.verifier,
      }
      const bare = await postForm(server, '/token', request)
      expect(bare).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      const now = Math.floor(server.clock.now / 1000)
      const client_assertion = await new SignJWT({
        iss: clientId,
        sub: clientId,
        aud: ISSUER,
        jti: `${serial}`,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuedAt(now)
        .setExpirationTime(now + 60)
        .sign(privateKey)
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      const proven = await postForm(server, '/token', { ...request, client_assertion, client_assertion_type })
      expect(proven.status).toBe(200)
    })
  })

  describe('§4.4 a document that changed', () => {
    it('with the same redirect asks again, even where the consent was remembered', async () => {
      const clientId = publish()
      const browser = await signedIn(server)
      await grant(server, { clientId, browser, parameters })
      const silent = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
      expect(silent.leftTo?.searchParams.get('code')).toEqual(expect.any(String))
      host.documents.set(clientId, { body: documentOf(clientId, { client_name: 'Another name' }) })
      server.clock.advance(301)
      const page = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
      expect(asksForConsent(page)).toBe(true)
      expect(page.text()).toContain('Another name')
    })

    it('a redirect that was taken out is refused', async () => {
      const clientId = publish({ redirect_uris: [REDIRECT, 'https://app.example.com/old'] })
      const old = { redirect_uri: 'https://app.example.com/old' }
      await grant(server, { clientId, parameters: old })
      host.documents.set(clientId, { body: documentOf(clientId) })
      server.clock.advance(301)
      expect(await open(clientId, old)).toMatchObject({ status: 400, leftTo: undefined })
    })
  })

  it('RFC 9700 §4.11.2 an error is sent to a redirect of an unknown domain only by a click', async () => {
    const page = await open(publish(), { scope: 'moon' })
    if (page.leftTo === undefined) expect(page.text()).toContain('invalid_scope')
    else expect(errorIn(page.leftTo)).toBe('invalid_scope')
  })

  it('the token endpoint: a client_id whose document cannot be had is invalid_client', async () => {
    const client_id = 'https://app.example.com/nowhere.json'
    const answer = await postForm(server, '/token', {
      grant_type: 'refresh_token',
      client_id,
      refresh_token: 'x',
    })
    expect(answer.body['error']).toMatch(/^(invalid_client|temporarily_unavailable)$/)
    expect([401, 503]).toContain(answer.status)
  })
})
