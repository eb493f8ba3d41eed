import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grant, introspect, MCP_URL, type RegisteredServer, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { basic, createClient, postForm, postJson } from './requests.ts'

describe('RFC 7662, token introspection', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let other: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    other = await registerServer(server, { server_url: 'https://other.example.com/mcp' })
  })
  afterAll(() => server.close())
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })
  const ask = (parameters: Record<string, string | string[]>, headers: Record<string, string>) =>
    postForm(server, '/introspect', parameters, headers)

  it('§2.2 an active answer has the members of contract.md, and no others', async () => {
    const { clientId, tokens } = await grant(server)
    const answer = await introspect(server, mcp.key, tokens.access_token)
    const now = server.clock.now / 1000
    expect(answer).toEqual({
      active: true,
      scope: 'files:read files:write',
      client_id: clientId,
      username: 'owner@example.com',
      email: 'owner@example.com',
      sub: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
      aud: MCP_URL,
      iss: ISSUER,
      iat: now,
      exp: now + 3600,
      auth_time: now,
      jti: expect.any(String),
      grant_id: expect.any(String),
      token_type: 'Bearer',
    })
  })

  it('§2.2 the answer is JSON, not to be stored', async () => {
    const { tokens } = await grant(server)
    const { status, headers } = await ask({ token: tokens.access_token }, bearer(mcp.key))
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(headers.get('Cache-Control')).toContain('no-store')
  })

  it('contract.md email is there only if the server asks for it', async () => {
    const blind = await registerServer(server, { server_url: 'https://blind.example.com/mcp', identity: [] })
    const { tokens } = await grant(server, { parameters: { resource: 'https://blind.example.com/mcp' } })
    const answer = await introspect(server, blind.key, tokens.access_token)
    expect(answer['active']).toBe(true)
    expect(answer).not.toHaveProperty('email')
    expect(JSON.stringify(answer)).not.toContain('owner@example.com')
  })

  it('client credentials: sub is the client_id, and there is no person', async () => {
    const client = await createClient(server, {
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const { body } = await postForm(
      server,
      '/token',
      { grant_type: 'client_credentials', resource: MCP_URL },
      { Authorization: basic(client.client_id, client.client_secret) },
    )
    const answer = await introspect(server, mcp.key, String(body['access_token']))
    expect(answer).toMatchObject({ active: true, sub: client.client_id, client_id: client.client_id })
    expect(answer).not.toHaveProperty('email')
  })

  describe('§2.1 the server authenticates with its API key', () => {
    it('as HTTP Basic server_id:key', async () => {
      const { tokens } = await grant(server)
      const headers = { Authorization: basic(mcp.server_id, mcp.key) }
      expect((await ask({ token: tokens.access_token }, headers)).body['active']).toBe(true)
    })

    it('the key of another server with this server’s id is refused', async () => {
      const { status } = await ask({ token: 'x' }, { Authorization: basic(mcp.server_id, other.key) })
      expect(status).toBe(401)
    })

    const refused: [string, () => Record<string, string>][] = [
      ['no credential', () => ({})],
      ['an invented key', () => bearer('sk_invented')],
      ['a key with another secret', () => bearer(`${mcp.key.slice(0, -6)}AAAAAA`)],
      ['an empty Bearer', () => ({ Authorization: 'Bearer ' })],
      ['Basic with an unknown server_id', () => ({ Authorization: basic('srv_unknown', mcp.key) })],
      ['Basic with an empty key', () => ({ Authorization: basic(mcp.server_id, '') })],
      ['another scheme', () => ({ Authorization: `Digest ${mcp.key}` })],
    ]
    it.each(refused)('%s: 401 with a challenge, and nothing about the token', async (_case, headers) => {
      const { tokens } = await grant(server)
      const answer = await ask({ token: tokens.access_token }, headers())
      expect(answer.status).toBe(401)
      expect(answer.headers.get('WWW-Authenticate')).toMatch(/^(Bearer|Basic)/)
      expect(answer.body).not.toHaveProperty('active')
      expect(answer.body['error']).toEqual(expect.any(String))
    })

    it('an access token is no key', async () => {
      const { tokens } = await grant(server)
      expect((await ask({ token: tokens.access_token }, bearer(tokens.access_token))).status).toBe(401)
    })

    it('a revoked key is refused at once, an expired one from its second on', async () => {
      const create = (fields: object) =>
        server.manage<{ key_id: string; key_secret: string }>('POST', `/servers/${mcp.server_id}/keys`, {
          name: 'short',
          ...fields,
        })
      const gone = await create({})
      expect((await ask({ token: 'x' }, bearer(gone.key_secret))).status).toBe(200)
      await server.manage('DELETE', `/servers/${mcp.server_id}/keys/${gone.key_id}`)
      expect((await ask({ token: 'x' }, bearer(gone.key_secret))).status).toBe(401)
      const short = await create({ expires_in: 60 })
      expect((await ask({ token: 'x' }, bearer(short.key_secret))).status).toBe(200)
      server.clock.advance(61)
      expect((await ask({ token: 'x' }, bearer(short.key_secret))).status).toBe(401)
    })

    it('the key may be in upper-case BEARER, as schemes are case insensitive', async () => {
      expect((await ask({ token: 'x' }, { Authorization: `BEARER ${mcp.key}` })).status).toBe(200)
    })
  })

  describe('§2.2 {"active": false} and nothing else for', () => {
    const inactive: [string, () => Promise<string>][] = [
      [
        'a token for another server',
        async () =>
          (await grant(server, { parameters: { resource: 'https://other.example.com/mcp' } })).tokens
            .access_token,
      ],
      ['a refresh token', async () => (await grant(server)).tokens.refresh_token],
      [
        'an id_token',
        async () =>
          String((await grant(server, { parameters: { scope: 'openid files:read' } })).tokens['id_token']),
      ],
      ['an authorization code', async () => (await grant(server)).code],
      ['an API key', async () => mcp.key],
      ['nonsense', async () => 'nonsense'],
      ['three dots', async () => '..'],
      ['a token with a changed payload', async () => tampered((await grant(server)).tokens.access_token)],
      [
        'a token without its signature',
        async () => `${(await grant(server)).tokens.access_token.split('.').slice(0, 2).join('.')}.`,
      ],
    ]
    it.each(inactive)('%s', async (_case, token) => {
      expect(await introspect(server, mcp.key, await token())).toEqual({ active: false })
    })

    it('an expired token', async () => {
      const { tokens } = await grant(server)
      server.clock.advance(3600)
      expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
    })

    it('the token of a server that was removed and registered again', async () => {
      const url = 'https://fleeting.example.com/mcp'
      const first = await registerServer(server, { server_url: url })
      const { tokens } = await grant(server, { parameters: { resource: url } })
      expect((await introspect(server, first.key, tokens.access_token))['active']).toBe(true)
      await server.manage('DELETE', `/servers/${first.server_id}`)
      const second = await registerServer(server, { server_url: url })
      expect(await introspect(server, second.key, tokens.access_token)).toEqual({ active: false })
    })
  })

  it('§2.1 token_type_hint is but a hint', async () => {
    const { tokens } = await grant(server)
    for (const token_type_hint of ['access_token', 'refresh_token', 'nonsense']) {
      const answer = await ask({ token: tokens.access_token, token_type_hint }, bearer(mcp.key))
      expect(answer.body['active']).toBe(true)
    }
  })

  it('§2.1 without token, or with two, it is invalid_request', async () => {
    for (const parameters of [{}, { token: '' }, { token: ['a', 'b'] }]) {
      const answer = await ask(parameters as Record<string, string>, bearer(mcp.key))
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    }
  })

  it('contract.md takes JSON too, with a charset or without', async () => {
    const { tokens } = await grant(server)
    const body = { token: tokens.access_token, token_type_hint: 'access_token', unknown: { a: 1 } }
    expect((await postJson(server, '/introspect', body, bearer(mcp.key))).body['active']).toBe(true)
    const headers = { ...bearer(mcp.key), 'Content-Type': 'application/json; charset=utf-8' }
    expect((await postJson(server, '/introspect', body, headers)).body['active']).toBe(true)
  })

  it.each(['null', '[]', '"text"', '{', '{}', '{"token":1}', '{"token":null}', '{"token":["a"]}', ''])(
    'contract.md the JSON %j is invalid_request',
    async (body) => {
      const answer = await postJson(server, '/introspect', body, bearer(mcp.key))
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    },
  )

  it('§2.1 GET is not offered, so that no token gets into a log', async () => {
    const response = await server.fetch('/introspect?token=x', { headers: bearer(mcp.key) })
    expect(response.status).toBe(405)
    expect(response.headers.get('Allow')).toContain('POST')
  })
})

/** The same token for another scope. */
function tampered(token: string): string {
  const [header, payload = '', signature] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const changed = Buffer.from(JSON.stringify({ ...claims, scope: 'admin' })).toString('base64url')
  return [header, changed, signature].join('.')
}
