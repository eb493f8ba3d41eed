import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { createDocumentHost, documentOf } from './document_host.ts'
import { asksForConsent, getJson, signedIn } from './requests.ts'

const LOOPBACK = ['http://127.0.0.1:3000/callback', 'http://localhost:3000/callback']

/** docs/specification/2025-11-25/basic/authorization.mdx */
describe('MCP authorization, revision 2025-11-25', () => {
  const host = createDocumentHost()
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer({ fetchPublicUrl: host.fetchPublicUrl })
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  it('"Overview" 5: both discovery mechanisms are provided', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      expect((await getJson(server, `/.well-known/${name}`)).status).toBe(200)
    }
  })

  it('"Overview" 2 and 3: metadata documents SHOULD, and dynamic registration MAY be supported', async () => {
    const { body } = await getJson(server, '/.well-known/oauth-authorization-server')
    expect(body['client_id_metadata_document_supported']).toBe(true)
    expect(body['registration_endpoint']).toEqual(expect.any(String))
  })

  it('"Authorization Code Protection": the OpenID document MUST have code_challenge_methods_supported', async () => {
    const { body } = await getJson(server, '/.well-known/openid-configuration')
    expect(body['code_challenge_methods_supported']).toEqual(['S256'])
  })

  it('"Example Metadata Document": the example of the specification works', async () => {
    const clientId = 'https://app.example.com/oauth/client-metadata.json'
    host.documents.set(clientId, {
      body: {
        client_id: clientId,
        client_name: 'Example MCP Client',
        client_uri: 'https://app.example.com',
        logo_uri: 'https://app.example.com/logo.png',
        redirect_uris: LOOPBACK,
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
    })
    const parameters = { redirect_uri: LOOPBACK[0] ?? '' }
    const { tokens } = await grant(server, { clientId, parameters })
    expect((await introspect(server, mcp.key, tokens.access_token))['client_id']).toBe(clientId)
    expect(tokens).not.toHaveProperty('refresh_token')
  })

  describe('"Implementation Requirements", for authorization servers', () => {
    const refused: [string, (id: string) => unknown][] = [
      ['MUST validate that the client_id matches the URL exactly', (id) => documentOf(`${id}?x`)],
      ['MUST validate the document: valid JSON', () => '{"client_id"'],
      [
        'MUST validate the document: required redirect_uris',
        (id) => documentOf(id, { redirect_uris: undefined }),
      ],
      [
        'MUST validate the document: required client_name',
        (id) => documentOf(id, { client_name: undefined }),
      ],
      [
        'MUST validate redirect URIs against the document',
        (id) => documentOf(id, { redirect_uris: ['https://x.example/'] }),
      ],
    ]
    it.each(refused)('%s', async (name, body) => {
      const clientId = `https://${name
        .replaceAll(/[^a-z]/gi, '')
        .slice(-20)
        .toLowerCase()}.example.com/c.json`
      host.documents.set(clientId, { body: body(clientId) })
      const redirect_uri = 'https://app.example.com/callback'
      const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), { redirect_uri }))
      expect(page).toMatchObject({ status: 400, leftTo: undefined })
    })
  })

  describe('"Localhost Redirect URI Risks"', () => {
    async function consentOf(redirect_uris: string[], redirect_uri: string) {
      const clientId = `https://local-${redirect_uris.length}-${redirect_uri.length}.example.com/client.json`
      host.documents.set(clientId, { body: documentOf(clientId, { redirect_uris }) })
      const browser = await signedIn(server)
      const page = await browser.open(authorizeUrl(clientId, createPkce(), { redirect_uri }))
      expect(asksForConsent(page)).toBe(true)
      return page.text()
    }

    it('MUST clearly display the redirect URI hostname', async () => {
      const text = await consentOf(['https://callback.example.org/cb'], 'https://callback.example.org/cb')
      expect(text).toContain('callback.example.org')
    })

    it('SHOULD display additional warnings for localhost-only redirect URIs', async () => {
      const local = await consentOf(LOOPBACK, LOOPBACK[1] ?? '')
      const web = await consentOf(['https://app.example.com/callback'], 'https://app.example.com/callback')
      expect(local).toContain('localhost:3000')
      expect(local).toMatch(/this computer/i)
      expect(web).not.toMatch(/this computer/i)
    })
  })

  it('"Scope Selection Strategy": a request without scope gets the server’s default', async () => {
    const url = 'https://defaults.example.com/mcp'
    await registerServer(server, {
      server_url: url,
      scopes: [{ name: 'read', default: true }, { name: 'write' }],
    })
    const { tokens } = await grant(server, { parameters: { resource: url } })
    expect(tokens['scope']).toBe('read')
  })

  it('"Scope Selection Strategy": a client that asks for all of scopes_supported gets them', async () => {
    const { body } = await getJson(server, `/.well-known/oauth-protected-resource/${mcp.server_id}`)
    const scope = (body['scopes_supported'] as string[]).join(' ')
    expect((await grant(server, { parameters: { scope } })).tokens['scope']).toBe(scope)
  })

  it('"Open Redirection": only where the URI is trusted SHOULD the user agent be redirected by itself', async () => {
    const redirect_uri = 'https://stranger.example/callback'
    const clientId = await registerClient(server, { redirect_uris: [redirect_uri] })
    const page = await createBrowser(server).open(
      authorizeUrl(clientId, createPkce(), { redirect_uri, response_type: 'token' }),
    )
    expect(page.leftTo).toBeUndefined()
    expect(page.text()).toContain('unsupported_response_type')
  })
})
