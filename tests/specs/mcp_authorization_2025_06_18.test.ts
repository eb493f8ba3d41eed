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
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { claimsOf, getJson, postForm } from './requests.ts'

/** docs/specification/2025-06-18/basic/authorization.mdx */
describe('MCP authorization, revision 2025-06-18', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let other: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    other = await registerServer(server, { server_url: 'https://other.example.com/mcp' })
  })
  afterAll(() => server.close())

  it('"Authorization Server Location": the metadata MUST include at least one authorization server', async () => {
    const { body } = await getJson(server, `/.well-known/oauth-protected-resource/${mcp.server_id}`)
    expect(body['authorization_servers']).toEqual([ISSUER])
  })

  it('"Server Metadata Discovery": authorization servers MUST provide RFC 8414 metadata', async () => {
    const { status, body } = await getJson(server, '/.well-known/oauth-authorization-server')
    expect(status).toBe(200)
    expect(body['issuer']).toBe(ISSUER)
  })

  it('"Resource Parameter Implementation" 1: resource in authorization, token and refresh requests', async () => {
    const clientId = await registerClient(server)
    const { tokens } = await grant(server, { clientId, parameters: { resource: MCP_URL } })
    const { status, body } = await refresh(server, { clientId }, tokens.refresh_token, { resource: MCP_URL })
    expect(status).toBe(200)
    expect(claimsOf(body.access_token)['aud']).toBe(MCP_URL)
  })

  it.each(['HTTPS://mcp.example.com/mcp', 'https://MCP.EXAMPLE.COM/mcp'])(
    '"Canonical Server URI": uppercase scheme and host SHOULD be accepted: %s',
    async (resource) => {
      const { tokens } = await grant(server, { parameters: { resource } })
      expect(claimsOf(tokens.access_token)['aud']).toBe(MCP_URL)
    },
  )

  it.each([
    'https://canonical.example.com/mcp',
    'https://canonical-root.example.com',
    'https://canonical-port.example.com:8443',
    'https://canonical-path.example.com/server/mcp',
  ])('"Canonical Server URI", examples of valid URIs: %s', async (server_url) => {
    await registerServer(server, { server_url })
    const { tokens } = await grant(server, { parameters: { resource: server_url } })
    expect(claimsOf(tokens.access_token)['aud']).toBe(server_url)
  })

  it.each(['mcp.example.com', 'https://mcp.example.com#fragment'])(
    '"Canonical Server URI", examples of invalid URIs: %s',
    async (resource) => {
      const url = authorizeUrl(await registerClient(server), createPkce(), { resource })
      const { leftTo } = await createBrowser(server).open(url)
      expect(leftTo?.searchParams.get('error')).toBe('invalid_target')
      await expect(registerServer(server, { server_url: resource })).rejects.toThrow(/400/)
    },
  )

  it('"Canonical Server URI", note: the form without a trailing slash is kept where it was registered', async () => {
    await registerServer(server, { server_url: 'https://noslash.example.com' })
    const { tokens } = await grant(server, { parameters: { resource: 'https://noslash.example.com/' } })
    expect(claimsOf(tokens.access_token)['aud']).toBe('https://noslash.example.com')
  })

  it('"Token Handling": servers see tokens active that are issued for them, and no others', async () => {
    const { tokens } = await grant(server)
    expect((await introspect(server, mcp.key, tokens.access_token))['active']).toBe(true)
    expect(await introspect(server, other.key, tokens.access_token)).toEqual({ active: false })
  })

  it('"Token Handling": authorization servers MUST only accept tokens for their own resources', async () => {
    const { tokens } = await grant(server)
    const headers = { Authorization: `Bearer ${tokens.access_token}` }
    expect((await server.fetch('/userinfo', { headers })).status).toBe(401)
    expect((await server.fetch('/api/servers', { headers })).status).toBe(401)
  })

  it('"Token Theft": access tokens SHOULD be short-lived', async () => {
    const { tokens } = await grant(server)
    expect(tokens['expires_in']).toBe(3600)
  })

  it('"Token Theft": refresh tokens of public clients MUST be rotated, and a replay is noticed', async () => {
    const { clientId, tokens } = await grant(server)
    const first = await refresh(server, { clientId }, tokens.refresh_token)
    const second = await refresh(server, { clientId }, first.body.refresh_token)
    expect(new Set([tokens, first.body, second.body].map((one) => one.refresh_token)).size).toBe(3)
    server.clock.advance(61)
    const third = await refresh(server, { clientId }, second.body.refresh_token)
    server.clock.advance(61)
    const replay = await refresh(server, { clientId }, tokens.refresh_token)
    expect(replay).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    const owner = await refresh(server, { clientId }, third.body.refresh_token)
    expect(owner.body.error).toBe('invalid_grant')
    expect(await introspect(server, mcp.key, third.body.access_token)).toEqual({ active: false })
  })

  it('"Open Redirection": redirect URIs MUST be validated exactly', async () => {
    const clientId = await registerClient(server, { redirect_uris: ['https://client.example.com/cb'] })
    for (const redirect_uri of [
      'https://client.example.com/cb/',
      'https://client.example.com/CB',
      'https://x.example/',
    ]) {
      const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), { redirect_uri }))
      expect(page).toMatchObject({ status: 400, leftTo: undefined })
    }
  })

  it('"Error Handling": 401 for an invalid token, 400 for a malformed request', async () => {
    const headers = { Authorization: 'Bearer nonsense' }
    expect((await server.fetch('/userinfo', { headers })).status).toBe(401)
    expect((await postForm(server, '/token', { client_id: await registerClient(server) })).status).toBe(400)
  })
})
