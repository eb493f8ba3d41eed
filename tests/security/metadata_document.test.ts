import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSignedInBrowser } from '../support/attacker.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerServer, requestToken } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const ID = 'https://client.example/oauth/metadata.json'
const REDIRECT = 'https://client.example/callback'
/** Asks, whatever was approved before. */
const AGAIN = { prompt: 'consent' }
const DOCUMENT = { client_id: ID, client_name: 'Honest app', redirect_uris: [REDIRECT] }

describe('draft-ietf-oauth-client-id-metadata-document §6, MCP "Client ID Metadata Document Security"', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  // Whatever is kept of a document, and whatever is counted against its host, is forgotten by then.
  beforeEach(() => {
    server.clock.advance(2 * 86_400)
    server.documents.clear()
    server.documents.set(ID, DOCUMENT)
  })
  afterAll(() => server.close())

  const url = (id = ID, parameters = {}) =>
    authorizeUrl(id, createPkce(), { redirect_uri: REDIRECT, ...parameters })
  const isAsked = (page: Page) => page.html.querySelector('form[action$="/consent"]') !== null

  async function isAccepted(id: string, document: object, parameters = {}): Promise<boolean> {
    server.documents.set(id, document)
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(url(id, parameters))
    expect(page.leftTo).toBeUndefined()
    if (!isAsked(page)) expect(page.status).toBeGreaterThanOrEqual(400)
    return isAsked(page)
  }

  it('control: a document of its own URL is accepted, and its domain shown', async () => {
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(url())
    expect(isAsked(page)).toBe(true)
    expect(page.text()).toContain('client.example')
  })

  it.each([
    ['the URL of somebody else', { client_id: 'https://honest.example/metadata.json' }],
    ['its URL with a query', { client_id: `${ID}?a` }],
    ['its URL in capitals', { client_id: ID.toUpperCase() }],
    ['its URL with a port', { client_id: 'https://client.example:443/oauth/metadata.json' }],
    ['no client_id', { client_id: undefined }],
    ['a list as client_id', { client_id: [ID] }],
    ['a client_secret (§4.1)', { client_secret: 'a secret that everybody reads' }],
    ['client_secret_expires_at (§4.1)', { client_secret_expires_at: 0 }],
    ['client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }],
    ['client_secret_jwt', { token_endpoint_auth_method: 'client_secret_jwt' }],
    [
      'a symmetric key',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
    ],
    [
      'a private key',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'AAAA' }] } },
    ],
    [
      'jwks over http',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://client.example/jwks' },
    ],
    ['client_credentials alone', { grant_types: ['client_credentials'] }],
    ['no redirect_uris', { redirect_uris: undefined }],
    ['redirect_uris that are text', { redirect_uris: REDIRECT }],
    ['a script as redirect URI', { redirect_uris: ['javascript:alert(1)', REDIRECT] }],
  ])('a document with %s is refused', async (_name, change) => {
    expect(await isAccepted(ID, { ...DOCUMENT, ...change })).toBe(false)
  })

  it.each([
    'https://client.example',
    'https://client.example/',
    'https://user@client.example/metadata.json',
    'https://user:password@client.example/metadata.json',
    'https://client.example/metadata.json#fragment',
    'https://client.example/a/../metadata.json',
    'https://client.example/./metadata.json',
    'https://client.example/%2e%2e/metadata.json',
    'https://CLIENT.example/metadata.json',
    'https://client.example:443/metadata.json',
    'https:\\\\client.example\\metadata.json',
    'https:client.example/metadata.json',
    'https://client.example/metadata.json ',
    ' https://client.example/metadata.json',
    'HTTPS://client.example/metadata.json',
    'https://сlient.example/metadata.json',
  ])('the client_id %j, which is no normal https URL with a path (§3), is refused', async (id) => {
    // Whatever the fetcher makes of it, a document is there that says what it should.
    for (const key of [id, URL.parse(id)?.href ?? id])
      server.documents.set(key, { ...DOCUMENT, client_id: id })
    expect(await isAccepted(id, { ...DOCUMENT, client_id: id })).toBe(false)
  })

  it('a redirect_uri that is not in the document is not gone to', async () => {
    expect(await isAccepted(ID, DOCUMENT, { redirect_uri: 'https://attacker.example/callback' })).toBe(false)
  })

  it('a document that changed asks again, although it was approved before', async () => {
    const { browser } = await createSignedInBrowser(server)
    await browser.submit(await browser.open(url(ID, AGAIN)), { decision: 'approve' }, '/consent')
    expect((await browser.open(url())).leftTo?.searchParams.has('code')).toBe(true)
    server.documents.set(ID, {
      ...DOCUMENT,
      client_name: 'Another app',
      redirect_uris: [REDIRECT, 'https://client.example/other'],
    })
    server.clock.advance(86_400)
    const { browser: later } = await createSignedInBrowser(server)
    expect(isAsked(await later.open(url()))).toBe(true)
  })

  it('a document that changed while the page was shown grants nothing', async () => {
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(url(ID, AGAIN))
    server.documents.set(ID, { ...DOCUMENT, redirect_uris: [REDIRECT, 'https://attacker.example/'] })
    server.clock.advance(599)
    const answer = await browser.submit(page, { decision: 'approve' }, '/consent')
    expect(answer.leftTo).toBeUndefined()
    expect(answer.status).toBe(400)
  })

  it('two documents at one host are two clients: the consent of one is not the consent of the other', async () => {
    const other = 'https://client.example/user/mallory.json'
    server.documents.set(other, { ...DOCUMENT, client_id: other })
    const { browser } = await createSignedInBrowser(server)
    await browser.submit(await browser.open(url(ID, AGAIN)), { decision: 'approve' }, '/consent')
    expect((await browser.open(url())).leftTo).toBeDefined()
    expect(isAsked(await browser.open(url(other)))).toBe(true)
  })

  it('an impostor cannot exchange the code of a document’s client without its key', async () => {
    const document = {
      ...DOCUMENT,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] },
    }
    server.documents.set(ID, document)
    const parameters = { grant_type: 'authorization_code', code: 'x', code_verifier: 'a'.repeat(43) }
    for (const more of [{ client_id: ID }, { client_id: ID, client_secret: 'x' }]) {
      const { status, body } = await requestToken(server, { ...parameters, ...more })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    }
  })

  it('a localhost-only client gets a warning, and the host that it leads to is shown (MCP, Localhost Redirect URI Risks)', async () => {
    const loopback = 'http://localhost/callback'
    server.documents.set(ID, { ...DOCUMENT, redirect_uris: [loopback] })
    const { browser } = await createSignedInBrowser(server)
    const page = await browser.open(url(ID, { redirect_uri: 'http://localhost:4711/callback' }))
    expect(page.text()).toContain('localhost:4711')
    expect(page.html.querySelector('[role="note"]')?.text).toMatch(/this computer/)
    server.documents.set(ID.replace('metadata', 'web'), {
      ...DOCUMENT,
      client_id: ID.replace('metadata', 'web'),
    })
    const web = await browser.open(url(ID.replace('metadata', 'web')))
    expect(web.html.querySelector('[role="note"]')?.text ?? '').not.toMatch(/this computer/)
  })

  it('nothing is fetched for an authorization request whose other parameters make no sense of it', async () => {
    // A refusal must not depend on the stranger's host being up: the same page, with and without it.
    server.documents.clear()
    const page = await createBrowser(server).open(url())
    expect(page.status).toBe(503)
    expect(page.leftTo).toBeUndefined()
    expect(page.html.toString()).not.toMatch(/ECONNREFUSED|ENOTFOUND|getaddrinfo|at .*\.ts/)
  })

  it('made-up ids at its host lock no approved client out of a node that has just started', async () => {
    const { browser } = await createSignedInBrowser(server)
    await browser.submit(await browser.open(url(ID, AGAIN)), { decision: 'approve' }, '/consent')
    const node = await server.addNode()
    node.documents.set(ID, DOCUMENT)
    for (let round = 0; round < 20; round += 1) {
      expect((await createBrowser(node).open(url(`https://client.example/${round}.json`))).status).toBe(503)
    }
    const page = await createBrowser(node).open(url())
    expect(page.status).toBe(200)
  })
})
