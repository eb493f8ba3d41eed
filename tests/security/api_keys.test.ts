import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, postForm, postJson } from '../support/attacker.ts'
import { grant, introspect, type RegisteredServer, registerServer } from '../support/flow.ts'
import { ADMIN_TOKEN, createTestServer, type TestServer } from '../support/server.ts'

describe('RFC 7662 §4: API keys of MCP servers', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let other: RegisteredServer
  let token: string

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    other = await registerServer(server, { server_url: 'https://other.example/mcp', server_name: 'Other' })
    token = (await grant(server)).tokens.access_token
  })
  afterAll(() => server.close())

  const ask = (headers: Record<string, string>, path = '/introspect') =>
    postForm(server, path, { token }, headers)
  const asBearer = (key: string) => ({ Authorization: `Bearer ${key}` })

  async function newKey(server_id = mcp.server_id, more: object = {}) {
    return server.manage<{ key_id: string; key_secret: string }>('POST', `/servers/${server_id}/keys`, {
      name: 'temporary',
      ...more,
    })
  }

  it('control: the key of the server sees the token, as Bearer and as Basic', async () => {
    for (const headers of [asBearer(mcp.key), basic(mcp.server_id, mcp.key)]) {
      expect(await (await ask(headers)).json()).toMatchObject({ active: true })
    }
  })

  it('another server’s API key learns only that the token is not active', async () => {
    const response = await ask(asBearer(other.key))
    expect([response.status, await response.text()]).toEqual([200, '{"active":false}'])
  })

  it('another server’s API key revokes no token of this one', async () => {
    await ask(asBearer(other.key), '/revoke')
    expect(await introspect(server, mcp.key, token)).toMatchObject({ active: true })
  })

  it('a key under the id of another server is refused', async () => {
    for (const id of [other.server_id, '', 'srv_x', mcp.server_id.toUpperCase()]) {
      expect((await ask(basic(id, mcp.key))).status, id).toBe(401)
    }
  })

  it('no credential, or one of another kind, is refused with a challenge', async () => {
    const credentials: Record<string, string>[] = [
      {},
      asBearer(''),
      asBearer(token),
      asBearer(ADMIN_TOKEN),
      asBearer(mcp.server_id),
      asBearer(`${mcp.key} ${mcp.key}`),
      asBearer(`${mcp.key}, ${mcp.key}`),
      { Authorization: mcp.key },
      { Authorization: `Token ${mcp.key}` },
      { 'X-API-Key': mcp.key },
      { Cookie: `session=${mcp.key}` },
      basic(mcp.server_id, ''),
      basic(mcp.key, ''),
      basic('', mcp.key),
    ]
    for (const headers of credentials) {
      const response = await ask(headers)
      expect([JSON.stringify(headers), response.status]).toEqual([JSON.stringify(headers), 401])
      expect(response.headers.get('WWW-Authenticate')).toMatch(/^(Bearer|Basic)/)
      expect(await response.text()).not.toContain('active')
    }
  })

  it('a key in the query or in the body, where it would be logged, is not taken (RFC 6750 §5.3)', async () => {
    for (const name of ['api_key', 'access_token', 'key', 'client_secret', 'authorization']) {
      expect((await ask({}, `/introspect?${new URLSearchParams({ [name]: mcp.key })}`)).status).toBe(401)
      expect((await postForm(server, '/introspect', { token, [name]: mcp.key })).status).toBe(401)
    }
    expect(
      (await postForm(server, '/introspect', { token, client_id: mcp.server_id, client_secret: mcp.key }))
        .status,
    ).toBe(401)
  })

  it('a token in the query is not looked at', async () => {
    const response = await server.fetch(`/introspect?${new URLSearchParams({ token })}`, {
      method: 'POST',
      body: new URLSearchParams({ a: 'b' }),
      headers: asBearer(mcp.key),
    })
    expect(response.status).toBe(400)
    expect((await server.fetch(`/introspect?token=${token}`, { headers: asBearer(mcp.key) })).status).toBe(
      405,
    )
  })

  it('a forged or mangled key is refused', async () => {
    const [, id = '', secret = ''] = /^sk_([a-z2-7]+)_(.+)$/.exec(mcp.key) ?? []
    const [, otherId = '', otherSecret = ''] = /^sk_([a-z2-7]+)_(.+)$/.exec(other.key) ?? []
    const forged = [
      `sk_${otherId}_${secret}`,
      `sk_${id}_${otherSecret}`,
      `sk_${id}_${'A'.repeat(43)}`,
      `sk_${id}_`,
      `sk_${id}`,
      `sk__${secret}`,
      mcp.key.slice(0, -1),
      `${mcp.key}A`,
      mcp.key.toUpperCase(),
      `sk_${id}'--_${secret}`,
      `sk_%_${secret}`,
    ]
    for (const key of forged) expect([key, (await ask(asBearer(key))).status]).toEqual([key, 401])
  })

  it('a revoked key is refused at once, and within a second on another node', async () => {
    const node = await server.addNode()
    const { key_id, key_secret } = await newKey()
    expect(await introspect(server, key_secret, token)).toMatchObject({ active: true })
    expect(await introspect(node, key_secret, token)).toMatchObject({ active: true })
    await server.manage('DELETE', `/servers/${mcp.server_id}/keys/${key_id}`)
    expect((await ask(asBearer(key_secret))).status).toBe(401)
    server.clock.advance(1)
    expect((await postForm(node, '/introspect', { token }, asBearer(key_secret))).status).toBe(401)
    expect(await introspect(server, mcp.key, token)).toMatchObject({ active: true })
  })

  it('an expired key is refused, to the second, although it was just used', async () => {
    const { key_secret } = await newKey(mcp.server_id, { expires_in: 60 })
    server.clock.advance(59)
    expect((await ask(asBearer(key_secret))).status).toBe(200)
    server.clock.advance(1)
    expect((await ask(asBearer(key_secret))).status).toBe(401)
  })

  it('the keys of a removed server are refused at once, and so are its tokens', async () => {
    const node = await server.addNode()
    const gone = await registerServer(server, { server_url: 'https://gone.example/mcp', server_name: 'Gone' })
    const { tokens, clientId } = await grant(server, { parameters: { resource: 'https://gone.example/mcp' } })
    expect(await introspect(server, gone.key, tokens.access_token)).toMatchObject({ active: true })
    expect(await introspect(node, gone.key, tokens.access_token)).toMatchObject({ active: true })
    await server.manage('DELETE', `/servers/${gone.server_id}`)
    expect(
      (await postForm(server, '/introspect', { token: tokens.access_token }, asBearer(gone.key))).status,
    ).toBe(401)
    server.clock.advance(1)
    expect(
      (await postForm(node, '/introspect', { token: tokens.access_token }, asBearer(gone.key))).status,
    ).toBe(401)
    const refreshed = await postForm(server, '/token', {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: tokens.refresh_token,
    })
    expect(refreshed.status).toBe(400)
  })

  it('who takes over the address of a removed server does not see the tokens of the one before', async () => {
    const url = 'https://heir.example/mcp'
    const gone = await registerServer(server, { server_url: url, server_name: 'Before' })
    const { tokens } = await grant(server, { parameters: { resource: url } })
    await server.manage('DELETE', `/servers/${gone.server_id}`)
    const heir = await registerServer(server, { server_url: url, server_name: 'After' })
    expect(await introspect(server, heir.key, tokens.access_token)).toEqual({ active: false })
    // What is removed stays denied for as long as two nodes' clocks may be apart.
    server.clock.advance(31)
    const { tokens: fresh } = await grant(server, { parameters: { resource: url } })
    expect(await introspect(server, heir.key, fresh.access_token)).toMatchObject({ active: true })
  })

  it('an API key opens neither the management API nor userinfo nor the token endpoint', async () => {
    for (const path of ['/api/servers', '/userinfo', '/api/openapi.json/x']) {
      const response = await server.fetch(path, { headers: asBearer(mcp.key) })
      expect([401, 404]).toContain(response.status)
    }
    const created = await postJson(
      server,
      '/api/servers',
      { server_url: 'https://x.example' },
      asBearer(mcp.key),
    )
    expect(created.status).toBe(401)
    const grantType = { grant_type: 'client_credentials' }
    expect((await postForm(server, '/token', grantType, basic(mcp.server_id, mcp.key))).status).toBe(401)
  })
})
