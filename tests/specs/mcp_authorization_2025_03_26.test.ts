import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { basic, claimsOf, createClient, errorIn, getJson, postForm, postJson, sentTo } from './requests.ts'

/** docs/specification/2025-03-26/basic/authorization.mdx; its clients know no `resource`. */
describe('MCP authorization, revision 2025-03-26', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeEach(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterEach(() => server.close())
  const withoutResource = { resource: undefined }

  it('"Overview" 1: the whole flow of a client that sends no resource, when one server can be meant', async () => {
    const granted = await grant(server, { parameters: withoutResource })
    expect(claimsOf(granted.tokens.access_token)['aud']).toBe(MCP_URL)
    expect((await introspect(server, mcp.key, granted.tokens.access_token))['active']).toBe(true)
    const next = await refresh(server, granted, granted.tokens.refresh_token)
    expect(claimsOf(next.body.access_token)['aud']).toBe(MCP_URL)
  })

  it('"Overview" 1: with two servers it cannot be known, and the error says what to do', async () => {
    await registerServer(server, { server_url: 'https://second.example.com/mcp' })
    const leftTo = await sentTo(
      server,
      authorizeUrl(await registerClient(server), createPkce(), withoutResource),
    )
    expect(errorIn(leftTo)).toBe('invalid_target')
    expect(leftTo.searchParams.get('error_description')).toContain('resource')
  })

  it('"Overview" 1: a grant stays bound to its server when a second one is registered', async () => {
    const granted = await grant(server, { parameters: withoutResource })
    await registerServer(server, { server_url: 'https://second.example.com/mcp' })
    const { status, body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(status).toBe(200)
    expect(claimsOf(body.access_token)['aud']).toBe(MCP_URL)
  })

  it('"Overview" 1: both public and confidential clients', async () => {
    const client = await createClient(server)
    const pkce = createPkce()
    const parameters = { ...withoutResource, redirect_uri: undefined }
    const sent = await authorize(server, authorizeUrl(client.client_id, pkce, parameters))
    const code = sent.searchParams.get('code') ?? ''
    const { status, body } = await postForm(
      server,
      '/token',
      { grant_type: 'authorization_code', code, code_verifier: pkce.verifier },
      { Authorization: basic(client.client_id, client.client_secret) },
    )
    expect(status).toBe(200)
    expect(claimsOf(body['access_token'])['aud']).toBe(MCP_URL)
  })

  it('"OAuth Grant Types" 2: client credentials without a resource', async () => {
    const client = await createClient(server, {
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const headers = { Authorization: basic(client.client_id, client.client_secret) }
    const { status, body } = await postForm(server, '/token', { grant_type: 'client_credentials' }, headers)
    expect(status).toBe(200)
    expect(claimsOf(body['access_token'])).toMatchObject({ aud: MCP_URL, scope: 'files:read' })
  })

  it('"Server Metadata Discovery Headers": MCP-Protocol-Version changes nothing', async () => {
    const path = '/.well-known/oauth-authorization-server'
    const { body } = await getJson(server, path)
    for (const version of ['2024-11-05', '2025-03-26', 'nonsense']) {
      expect((await getJson(server, path, { 'MCP-Protocol-Version': version })).body).toEqual(body)
    }
  })

  it('"Fallbacks for Servers without Metadata Discovery": the default paths are ours', async () => {
    const { body } = await getJson(server, '/.well-known/oauth-authorization-server')
    expect(body).toMatchObject({
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      registration_endpoint: `${ISSUER}/register`,
    })
  })

  it('"Dynamic Client Registration" SHOULD be supported', async () => {
    const { status } = await postJson(server, '/register', {
      client_name: 'Old client',
      redirect_uris: ['http://localhost:3000/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: '',
    })
    expect(status).toBe(201)
  })

  it('"Security Considerations" 2: expiration and rotation', async () => {
    const granted = await grant(server, { parameters: withoutResource })
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(body.refresh_token).not.toBe(granted.tokens.refresh_token)
    server.clock.advance(3600)
    expect(await introspect(server, mcp.key, body.access_token)).toEqual({ active: false })
  })

  it('"Security Considerations" 4: redirect URIs MUST be validated', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce(), {
      ...withoutResource,
      redirect_uri: 'https://attacker.example/',
    })
    expect(await createBrowser(server).open(url)).toMatchObject({ status: 400, leftTo: undefined })
  })

  it('"Security Considerations" 5: plain http that is not localhost is refused', async () => {
    const { status, body } = await postJson(server, '/register', {
      redirect_uris: ['http://client.example.com/'],
    })
    expect(status).toBe(400)
    expect(body['error']).toBe('invalid_redirect_uri')
  })

  it('"Implementation Requirements" 2: PKCE is REQUIRED for all clients', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce(), {
      ...withoutResource,
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    expect(errorIn(await sentTo(server, url))).toBe('invalid_request')
  })

  it('"Token Requirements" 2: a token in a URL counts for nothing', async () => {
    const { tokens } = await grant(server, { parameters: withoutResource })
    expect((await server.fetch(`/userinfo?access_token=${tokens.access_token}`)).status).toBe(401)
    expect((await server.fetch(`/api/servers?access_token=${tokens.access_token}`)).status).toBe(401)
  })
})
