import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, exchange, obtainCode, postForm } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
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
} from '../support/flow.ts'
import { decodeJwt } from '../support/forged_jwt.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const OTHER_URL = 'https://other.example/mcp'

describe('MCP security, "Token passthrough" and "Confused deputy"; RFC 8707 §2: audience confusion', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let other: RegisteredServer
  let granted: Granted

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    other = await registerServer(server, { server_url: OTHER_URL, server_name: 'Other' })
    granted = await grant(server)
  })
  afterAll(() => server.close())

  const bearer = (path: string, token: string, method = 'GET') =>
    server.fetch(path, { method, headers: { Authorization: `Bearer ${token}` } })

  it('control: a token has exactly one audience, and that server sees it', async () => {
    expect(decodeJwt(granted.tokens.access_token).payload['aud']).toBe(MCP_URL)
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
  })

  it('a token for one MCP server is nothing to another, which learns no more than that', async () => {
    expect(await introspect(server, other.key, granted.tokens.access_token)).toEqual({ active: false })
  })

  it('a token for an MCP server opens neither userinfo nor the management API', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'openid email files:read' } })
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })
    for (const path of ['/userinfo', '/api/servers', '/api/organization']) {
      const response = await bearer(path, tokens.access_token)
      expect(response.status, path).toBe(401)
      expect(await response.text()).not.toContain('owner@example.com')
    }
  })

  it('a token for the management API is not active to a server, nor good for userinfo', async () => {
    const { tokens } = await grant(server, { parameters: { resource: `${ISSUER}/api`, scope: 'manage' } })
    expect((await bearer('/api/servers', tokens.access_token)).status).toBe(200)
    expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
    expect((await bearer('/userinfo', tokens.access_token)).status).toBe(401)
  })

  it('a token for userinfo is not active to a server, nor good for the management API', async () => {
    const { tokens } = await grant(server, { parameters: { resource: undefined, scope: 'openid email' } })
    expect((await bearer('/userinfo', tokens.access_token)).status).toBe(200)
    expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
    expect((await bearer('/api/servers', tokens.access_token)).status).toBe(401)
  })

  it.each([`${ISSUER}/api`, `${ISSUER}/api/`, ISSUER, `${ISSUER}/userinfo`, `${ISSUER}/token`])(
    'no MCP server can be registered as %s, to be sent tokens for it',
    async (server_url) => {
      const scopes = ['manage']
      await expect(
        server.manage('POST', '/servers', { server_url, server_name: 'x', scopes }),
      ).rejects.toThrow(/ 4\d\d/)
    },
  )

  it.each([
    MCP_URL,
    `${MCP_URL}/`,
    'https://MCP.example.com/mcp',
    'HTTPS://mcp.example.com/mcp',
    'https://mcp.example.com:443/mcp',
    'https://mcp.example.com//mcp',
    'https://mcp.example.com/./mcp',
    'https://mcp.example.com/x/../mcp',
    'https://mcp.example.com/%6dcp',
  ])('a second server cannot be registered under %s, a spelling of the first', async (server_url) => {
    const registered = server.manage('POST', '/servers', { server_url, server_name: 'x', scopes: ['a'] })
    await expect(registered).rejects.toThrow(/ 409/)
  })

  it('a resource swapped at the token endpoint is refused (RFC 8707 §2.2)', async () => {
    const obtained = await obtainCode(server)
    for (const resource of [
      OTHER_URL,
      ISSUER,
      `${ISSUER}/api`,
      'https://attacker.example/',
      'mcp.example.com/mcp',
    ]) {
      const refused = await exchange(server, obtained, { resource })
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    }
    const { body } = await exchange(server, obtained, { resource: `${MCP_URL}/` })
    expect(decodeJwt(body.access_token).payload['aud']).toBe(MCP_URL)
  })

  it('a resource swapped at refresh is refused, and the family lives on', async () => {
    const own = await grant(server)
    for (const resource of [OTHER_URL, ISSUER, `${ISSUER}/api`, 'https://attacker.example/']) {
      const refused = await refresh(server, own, own.tokens.refresh_token, { resource })
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    }
    const { status, body } = await refresh(server, own, own.tokens.refresh_token, {
      resource: 'https://MCP.example.com/mcp',
    })
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token).payload['aud']).toBe(MCP_URL)
  })

  it('several resources are refused, at authorization and at the token endpoint (contract.md)', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce(), { resource: [MCP_URL, OTHER_URL] })
    expect((await createBrowser(server).open(url)).leftTo?.searchParams.get('error')).toBe('invalid_target')
    const { clientId, code, pkce } = await obtainCode(server)
    const response = await postForm(server, '/token', [
      ['grant_type', 'authorization_code'],
      ['client_id', clientId],
      ['code', code],
      ['code_verifier', pkce.verifier],
      ['resource', MCP_URL],
      ['resource', OTHER_URL],
    ])
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_target' }),
    ])
  })

  it('scopes of another server are not granted by asking this one', async () => {
    await server.manage('PATCH', `/servers/${other.server_id}`, { scopes: ['other:all'] })
    const { tokens } = await grant(server, { parameters: { scope: 'files:read other:all manage' } })
    expect(tokens['scope']).toBe('files:read')
  })

  it('a scope that no server offers, or manage at an MCP server, is granted to nobody', async () => {
    for (const scope of ['manage', 'other:all', 'admin', '*']) {
      const url = authorizeUrl(await registerClient(server), createPkce(), { scope })
      const page = await createBrowser(server).open(url)
      expect(page.leftTo?.searchParams.get('error'), scope).toBe('invalid_scope')
    }
  })

  it('a client’s own token stands for the client, never for a person or an administrator', async () => {
    const robot = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      client_name: 'Robot',
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const ask = (more: Record<string, string>) =>
      requestToken(
        server,
        { grant_type: 'client_credentials', ...more },
        basic(robot.client_id, robot.client_secret),
      )
    const { body } = await ask({ resource: MCP_URL })
    expect(decodeJwt(body.access_token).payload).toMatchObject({ sub: robot.client_id, scope: 'files:read' })
    expect(robot.client_id).not.toMatch(/^usr_/)
    for (const path of ['/userinfo', '/api/servers'])
      expect((await bearer(path, body.access_token)).status).toBe(401)
    for (const more of [
      { resource: `${ISSUER}/api`, scope: 'manage' },
      { resource: ISSUER, scope: 'openid' },
      { resource: OTHER_URL },
      { resource: MCP_URL, scope: 'files:write' },
    ]) {
      expect((await ask(more)).status, JSON.stringify(more)).toBe(400)
    }
    expect(body.refresh_token).toBeUndefined()
  })
})
