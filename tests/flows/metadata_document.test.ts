import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PublicFetchError } from '../../server/src/clients/public_fetch.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, registerServer, requestToken } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const ID = 'https://app.example.com/oauth/client.json'
const REDIRECT = 'https://app.example.com/callback'

describe('client id metadata documents (draft-ietf-oauth-client-id-metadata-document)', () => {
  let server: TestServer
  let fetches: string[]
  let cacheControl: string
  const documents = new Map<string, object | (() => never)>()

  beforeAll(async () => {
    server = await createTestServer({
      fetchPublicUrl: async ({ href }) => {
        fetches.push(href)
        const document = documents.get(href)
        if (document === undefined) throw new PublicFetchError('status', 'It answered 404.')
        if (typeof document === 'function') return document()
        return { body: Buffer.from(JSON.stringify(document)), contentType: 'application/json', cacheControl }
      },
    })
    await registerServer(server)
  })
  beforeEach(() => {
    server.clock.advance(2 * 86_400)
    fetches = []
    cacheControl = ''
    documents.clear()
    documents.set(ID, { client_id: ID, client_name: 'App', redirect_uris: [REDIRECT] })
  })
  afterAll(() => server.close())

  const ask = (clientId = ID, redirect_uri = REDIRECT) =>
    createBrowser(server).open(authorizeUrl(clientId, createPkce(), { redirect_uri }))
  const isKnown = async (clientId = ID) =>
    (await ask(clientId)).html.querySelector('form[action="/sign-in"]') !== null

  it('lead through the whole flow', async () => {
    const { tokens } = await grant(server, { clientId: ID, parameters: { redirect_uri: REDIRECT } })
    expect(tokens.refresh_token).toBeTruthy()
  })

  it('list loopback redirects without a port, and the client picks one (RFC 8252 §7.3, claude-code#90370)', async () => {
    const redirect_uris = ['http://127.0.0.1/callback', 'http://localhost/callback', 'http://[::1]/callback']
    documents.set(ID, { client_id: ID, client_name: 'App', redirect_uris })
    for (const [uri, known] of [
      ['http://127.0.0.1:51234/callback', true],
      ['http://localhost:51234/callback', true],
      ['http://[::1]:51234/callback', true],
      ['http://127.0.0.1:51234/other', false],
      ['http://127.0.0.2:51234/callback', false],
      ['https://localhost:51234/callback', false],
    ] as const) {
      const page = await ask(ID, uri)
      expect([uri, page.html.querySelector('form[action="/sign-in"]') !== null]).toEqual([uri, known])
    }
  })

  it.each<[string, object]>([
    [
      'names another client_id',
      { client_id: 'https://other.example.com/client.json', client_name: 'App', redirect_uris: [REDIRECT] },
    ],
    ['names none', { redirect_uris: [REDIRECT] }],
    ['holds a secret', { client_id: ID, client_name: 'App', redirect_uris: [REDIRECT], client_secret: 's' }],
    [
      'asks for client_secret_basic',
      {
        client_id: ID,
        client_name: 'App',
        redirect_uris: [REDIRECT],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    ['has no client_name', { client_id: ID, redirect_uris: [REDIRECT] }],
    ['has no redirect URI', { client_id: ID, client_name: 'App', redirect_uris: [] }],
    [
      'has a javascript: redirect',
      { client_id: ID, client_name: 'App', redirect_uris: ['javascript:alert(1)'] },
    ],
    [
      'holds a private key',
      {
        client_id: ID,
        redirect_uris: [REDIRECT],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ kty: 'EC', d: 'x' }] },
      },
    ],
    ['is a list', []],
  ])('are refused where one %s, with a sentence for its developer', async (_, document) => {
    documents.set(ID, document)
    const page = await ask()
    expect(page.status).toBe(400)
    expect(page.text()).toMatch(/metadata document cannot be used: .+\.\s/)
    const { status, body } = await requestToken(server, {
      grant_type: 'refresh_token',
      refresh_token: 'x',
      client_id: ID,
    })
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })

  it.each([
    ['without a path', 'https://app.example.com/'],
    ['with a fragment', `${ID}#x`],
    ['with user information', 'https://u:p@app.example.com/c'],
    ['with dot segments', 'https://app.example.com/a/../client.json'],
    ['in upper case', 'https://APP.example.com/oauth/client.json'],
  ])('are not fetched from a client_id %s', async (_, clientId) => {
    expect((await ask(clientId)).status).toBe(400)
    expect(fetches).toEqual([])
  })

  describe('are cached by HTTP rules (decisions.md, "Fetching other people\'s URLs")', () => {
    it.each([
      ['for five minutes at the least', 'no-store', 299, 1],
      ['and not longer without a rule', '', 301, 2],
      ['as long as max-age says', 'max-age=3600', 3599, 1],
      ['and not longer than it says', 'max-age=3600', 3601, 2],
      ['for a day at the most', 'max-age=31536000', 86_401, 2],
    ])('%s', async (_, rule, seconds, count) => {
      cacheControl = rule
      expect(await isKnown()).toBe(true)
      server.clock.advance(seconds)
      expect(await isKnown()).toBe(true)
      expect(fetches).toHaveLength(count)
    })

    it('an error never is', async () => {
      documents.delete(ID)
      expect((await ask()).status).toBe(400)
      documents.set(ID, { client_id: ID, client_name: 'App', redirect_uris: [REDIRECT] })
      expect(await isKnown()).toBe(true)
    })

    it('requests at the same moment share one fetch', async () => {
      await Promise.all(Array.from({ length: 20 }, () => isKnown()))
      expect(fetches).toHaveLength(1)
    })
  })

  it('are not locked out by junk beside them: a stranger’s made-up ids at the same host', async () => {
    expect(await isKnown()).toBe(true)
    server.clock.advance(301)
    for (let i = 0; i < 30; i += 1) await ask(`https://app.example.com/junk${i}.json`)
    expect(fetches.length).toBeLessThan(12)
    expect(await isKnown()).toBe(true)
  })

  it('that cannot be had now are 503 with Retry-After, not a refusal that makes the client forget itself', async () => {
    documents.set(ID, () => {
      throw new PublicFetchError('timeout', 'It did not answer.')
    })
    const { status, headers, body } = await requestToken(server, {
      grant_type: 'refresh_token',
      refresh_token: 'x',
      client_id: ID,
    })
    expect([status, headers.get('Retry-After'), body.error]).toEqual([503, '30', 'temporarily_unavailable'])
  })
})
