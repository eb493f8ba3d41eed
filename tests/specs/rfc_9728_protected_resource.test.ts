import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MCP_URL, type RegisteredServer, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { getJson } from './requests.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

describe('RFC 9728, protected resource metadata', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  it('§3.2 that of a registered MCP server', async () => {
    const { status, headers, body } = await getJson(server, `${WELL_KNOWN}/${mcp.server_id}`)
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(body).toMatchObject({
      resource: MCP_URL,
      authorization_servers: [ISSUER],
      bearer_methods_supported: ['header'],
      scopes_supported: ['files:read', 'files:write'],
      resource_name: 'Files',
    })
  })

  it('§2 resource is the registered URL byte for byte, with or without its slash', async () => {
    for (const server_url of ['https://slash.example.com/mcp/', 'https://bare.example.com']) {
      const { server_id } = await registerServer(server, { server_url })
      expect((await getJson(server, `${WELL_KNOWN}/${server_id}`)).body['resource']).toBe(server_url)
    }
  })

  it('MCP 2026-07-28 "Refresh Tokens": scopes_supported has no offline_access', async () => {
    const { server_id } = await registerServer(server, {
      server_url: 'https://s.example.com/mcp',
      scopes: ['a'],
    })
    const { body } = await getJson(server, `${WELL_KNOWN}/${server_id}`)
    expect(body['scopes_supported']).toEqual(['a'])
  })

  it('§2 that of the management API: its own resource, nothing of the MCP servers', async () => {
    const { status, body } = await getJson(server, WELL_KNOWN)
    expect(status).toBe(200)
    expect(body).toMatchObject({ resource: `${ISSUER}/api`, authorization_servers: [ISSUER] })
    expect(body['scopes_supported']).not.toContain('offline_access')
    expect(JSON.stringify(body)).not.toContain('mcp.example.com')
  })

  it('§3.3 the path-inserted form of the management API has the same resource', async () => {
    const { status, body } = await getJson(server, `${WELL_KNOWN}/api`)
    expect(status).toBe(200)
    expect(body['resource']).toBe(`${ISSUER}/api`)
  })

  it('§5.1 the management API’s 401 leads to its metadata', async () => {
    const response = await server.fetch('/api/servers')
    expect(response.status).toBe(401)
    const challenge = response.headers.get('WWW-Authenticate') ?? ''
    expect(challenge).toMatch(/^Bearer /)
    const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? ''
    expect((await getJson(server, url)).body['resource']).toBe(`${ISSUER}/api`)
    expect(challenge).not.toContain('offline_access')
  })

  it.each(['srv_unknown', 'nonsense', '..%2f', '%00'])('an unknown server, %s, is 404', async (id) => {
    expect((await server.fetch(`${WELL_KNOWN}/${id}`)).status).toBe(404)
  })

  it('a removed server is 404', async () => {
    const { server_id } = await registerServer(server, { server_url: 'https://gone.example.com/mcp' })
    await server.manage('DELETE', `/servers/${server_id}`)
    expect((await server.fetch(`${WELL_KNOWN}/${server_id}`)).status).toBe(404)
  })

  it('what the owner changed is what is published', async () => {
    const { server_id } = await registerServer(server, { server_url: 'https://change.example.com/mcp' })
    await server.manage('PATCH', `/servers/${server_id}`, { server_name: 'New', scopes: ['only'] })
    const { body } = await getJson(server, `${WELL_KNOWN}/${server_id}`)
    expect(body).toMatchObject({ resource_name: 'New', scopes_supported: ['only'] })
  })

  it('§3.1 CORS: readable from anywhere', async () => {
    const { headers } = await getJson(server, `${WELL_KNOWN}/${mcp.server_id}`, {
      Origin: 'https://x.example',
    })
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
  })

  it('§3 nothing private is published: no keys, no access policy, no organisation', async () => {
    const { body } = await getJson(server, `${WELL_KNOWN}/${mcp.server_id}`)
    expect(Object.keys(body).sort()).toEqual([
      'authorization_servers',
      'bearer_methods_supported',
      'resource',
      'resource_name',
      'scopes_supported',
    ])
  })
})
