import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

type Parameters = Record<string, string | readonly string[] | undefined>

describe('an authorization request that fails', () => {
  let server: TestServer
  let loopbackClient: string
  let webClient: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    loopbackClient = await registerClient(server)
    webClient = await registerClient(server, { redirect_uris: ['https://app.example.com/callback'] })
  })
  afterAll(() => server.close())

  const ask = (clientId: string, parameters: Parameters) =>
    createBrowser(server).open(authorizeUrl(clientId, createPkce(), parameters))

  describe('before client and redirect URI are known good, is told on a page', () => {
    it.each<[string, Parameters]>([
      ['no client_id', { client_id: undefined }],
      ['an unknown client_id', { client_id: 'cli_unknown' }],
      ['a forged dynamic client_id', { client_id: 'dcr_e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
      ['a redirect_uri that was not registered', { redirect_uri: 'http://127.0.0.1:1/other' }],
      ['a redirect_uri on another host', { redirect_uri: 'https://evil.example/callback' }],
      ['two redirect_uris', { redirect_uri: ['http://127.0.0.1:33418/callback', 'https://evil.example/'] }],
      ['two client_ids', { client_id: ['a', 'b'] }],
    ])('%s', async (_, parameters) => {
      const page = await ask(loopbackClient, parameters)
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(page.status).toBeLessThan(500)
      expect(page.leftTo).toBeUndefined()
      expect(page.html.toString()).not.toContain('evil.example/callback?')
    })
  })

  describe('after that, goes back to a client on loopback, with state and iss', () => {
    it.each<[string, Parameters]>([
      ['invalid_request', { response_type: undefined }],
      ['unsupported_response_type', { response_type: 'token' }],
      ['unsupported_response_type', { response_type: 'code id_token' }],
      ['invalid_request', { code_challenge: undefined }],
      ['invalid_request', { code_challenge_method: 'plain' }],
      ['invalid_request', { code_challenge_method: undefined }],
      ['invalid_request', { code_challenge: 'short' }],
      ['invalid_request', { response_mode: 'fragment' }],
      ['invalid_request', { scope: ['files:read', 'files:write'] }],
      ['invalid_request', { prompt: 'none login' }],
      ['invalid_request', { max_age: 'soon' }],
      ['invalid_scope', { scope: 'unknown' }],
      ['invalid_scope', { scope: 'offline_access' }],
      ['invalid_scope', { scope: 'files:read  "quoted"' }],
      ['invalid_target', { resource: 'https://other.example.com/mcp' }],
      ['invalid_target', { resource: 'https://mcp.example.com/mcp#part' }],
      ['invalid_target', { resource: ['https://mcp.example.com/mcp', 'https://other.example.com/'] }],
      ['request_not_supported', { request: 'eyJ' }],
      ['request_uri_not_supported', { request_uri: 'https://app.example.com/request' }],
      ['login_required', { prompt: 'none' }],
    ])('%s %j', async (error, parameters) => {
      const { leftTo } = await ask(loopbackClient, parameters)
      expect(Object.fromEntries(leftTo?.searchParams ?? [])).toMatchObject({
        error,
        state: 'a-state',
        iss: ISSUER,
      })
      expect(leftTo?.searchParams.get('error_description')).toMatch(/\.$/)
    })
  })

  it('is a page with a link for a client that nobody vouches for', async () => {
    const page = await ask(webClient, { redirect_uri: 'https://app.example.com/callback', scope: 'unknown' })
    expect(page.leftTo).toBeUndefined()
    expect(page.status).toBe(400)
    const link = page.html.querySelector('a[href^="https://app.example.com/callback?"]')
    expect(link?.getAttribute('href')).toContain('error=invalid_scope')
    expect(page.text()).toContain('app.example.com')
  })

  it('goes by form where response_mode is form_post, errors too', async () => {
    const page = await ask(loopbackClient, { response_mode: 'form_post', scope: 'unknown' })
    const { action, fields } = page.form()
    expect(action).toBe('http://127.0.0.1:33418/callback')
    expect(Object.fromEntries(fields)).toMatchObject({
      error: 'invalid_scope',
      state: 'a-state',
      iss: ISSUER,
    })
  })
})
