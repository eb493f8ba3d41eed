import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/attacker.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const METADATA_URL = 'https://client.example/metadata.json'

/** What no client may ever be sent to (OAuth 2.1 §7.12.2, MCP: "localhost or HTTPS", decisions.md). */
const REFUSED = [
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'javascript://app.example/%0aalert(1)',
  'java\nscript:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  'blob:https://app.example/0b5f4a',
  'file:///etc/passwd',
  'ftp://app.example/callback',
  'ws://app.example/callback',
  'wss://app.example/callback',
  'about:blank',
  'view-source:https://app.example/',
  'intent://app.example/#Intent;scheme=https;end',
  'mailto:attacker@example.com',
  'tel:123',
  'ssh://app.example',
  'ms-settings:about',
  'search-ms:query=x',
  'myapp://callback',
  'http://app.example/callback',
  'http://10.0.0.1/callback',
  'http://192.168.0.1/callback',
  'http://0.0.0.0/callback',
  'http://127.0.0.1.attacker.example/callback',
  'http://localhost.attacker.example/callback',
  'http://127.0.0.1@attacker.example/callback',
  'https://user:password@app.example/callback',
  'https://user@app.example/callback',
  'https://app.example/callback#fragment',
  'https://app.example/callback#',
  'https://*.example/callback',
  'https://app.example/*',
  'https://app.example\\callback',
  'https:app.example/callback',
  'https:/app.example/callback',
  'https:///app.example/callback',
  'https://',
  '//app.example/callback',
  '/callback',
  'callback',
  '',
  ' ',
  'https://app.example/call back',
  'https://app.example/callback\r\nX: y',
  'https://аpp.example/callback',
  'urn:ietf:wg:oauth:2.0:oob',
  'oob',
  'com.example.app:/callback#x',
  'http://[::ffff:127.0.0.1]/callback',
]

const ACCEPTED = [
  'https://app.example/callback',
  'http://127.0.0.1:1234/callback',
  'http://localhost/callback',
  'http://[::1]:1234/callback',
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'com.example.app:/callback',
]

describe('OAuth 2.1 §2.3.1 and §7.12.2: redirect URIs that no client may register', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
  })
  afterAll(() => server.close())

  const register = (redirect_uris: unknown) =>
    postJson(server, '/register', { redirect_uris, token_endpoint_auth_method: 'none' })

  it.each(ACCEPTED)('control: %s is accepted', async (uri) => {
    expect((await register([uri])).status).toBe(201)
  })

  it.each(REFUSED)('%j is refused at registration', async (uri) => {
    const response = await register([uri])
    expect([response.status, (await response.json()) as unknown]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_redirect_uri' }),
    ])
  })

  it('one bad URI among good ones is refused', async () => {
    expect((await register([ACCEPTED[0], 'javascript:alert(1)'])).status).toBe(400)
    expect((await register(['javascript:alert(1)', ACCEPTED[0]])).status).toBe(400)
  })

  it.each([
    [undefined],
    [[]],
    ['https://app.example/callback'],
    [{ 0: ACCEPTED[0] }],
    [[[ACCEPTED[0]]]],
    [[null]],
  ])('redirect_uris of %j are refused', async (uris) => {
    expect((await register(uris)).status).toBe(400)
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'http://app.example/', 'https://u@app.example/'])(
    '%s is refused as post_logout_redirect_uri',
    async (uri) => {
      const metadata = { redirect_uris: [ACCEPTED[0]], token_endpoint_auth_method: 'none' }
      const good = await postJson(server, '/register', {
        ...metadata,
        post_logout_redirect_uris: ACCEPTED.slice(0, 1),
      })
      expect(good.status).toBe(201)
      const bad = await postJson(server, '/register', { ...metadata, post_logout_redirect_uris: [uri] })
      expect(bad.status).toBe(400)
    },
  )

  it.each(['javascript:alert(1)', 'data:text/html,x', 'http://app.example/callback'])(
    '%s is refused by the management API, too',
    async (uri) => {
      await expect(server.manage('POST', '/clients', { redirect_uris: [uri] })).rejects.toThrow(' 400')
      const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
        redirect_uris: [ACCEPTED[0]],
      })
      await expect(server.manage('PATCH', `/clients/${client_id}`, { redirect_uris: [uri] })).rejects.toThrow(
        ' 400',
      )
    },
  )

  it.each(['javascript:alert(1)', 'data:text/html,x', 'http://app.example/callback', 'https://a.example/#x'])(
    '%s is refused in a metadata document (CIMD)',
    async (uri) => {
      server.documents.set(METADATA_URL, { client_id: METADATA_URL, client_name: 'x', redirect_uris: [uri] })
      const query = new URLSearchParams({ client_id: METADATA_URL, redirect_uri: uri, response_type: 'code' })
      const response = await server.fetch(`/authorize?${query}`)
      expect(response.status).toBe(400)
      expect(response.headers.get('Location')).toBeNull()
    },
  )

  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'http://app.example/'])(
    '%s as client_uri becomes no link (phishing)',
    async (uri) => {
      const response = await postJson(server, '/register', {
        redirect_uris: [ACCEPTED[0]],
        token_endpoint_auth_method: 'none',
        client_uri: uri,
      })
      const body = (await response.json()) as { client_uri?: string }
      expect(body.client_uri).toBeUndefined()
    },
  )
})
