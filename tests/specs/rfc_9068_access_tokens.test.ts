import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { addPerson, basic, claimsOf, createClient, getJson, headerOf, postForm } from './requests.ts'

describe('RFC 9068, JWT access tokens', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  /** Verifies as a resource server does (§4), with the published keys. */
  async function verify(token: string, of: TestServer = server) {
    const { body } = await getJson(of, '/.well-known/jwks.json')
    return jwtVerify(token, createLocalJWKSet(body as unknown as JSONWebKeySet), {
      issuer: ISSUER,
      audience: MCP_URL,
      typ: 'at+jwt',
      currentDate: new Date(of.clock.now),
    })
  }

  it('§4 a resource server verifies it with the JWKS', async () => {
    const { tokens } = await grant(server)
    expect((await verify(tokens.access_token)).payload.sub).toEqual(expect.any(String))
  })

  it('§2.1 the header has typ at+jwt, alg and kid, and neither jwk nor jku nor x5u', async () => {
    const { tokens } = await grant(server)
    expect(headerOf(tokens.access_token)).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) })
  })

  it('§2.2 the claims are those of decisions.md and no others', async () => {
    const { tokens, clientId } = await grant(server)
    const now = server.clock.now / 1000
    expect(claimsOf(tokens.access_token)).toEqual({
      iss: ISSUER,
      sub: expect.any(String),
      aud: MCP_URL,
      client_id: clientId,
      scope: 'files:read files:write',
      iat: now,
      exp: now + 3600,
      jti: expect.any(String),
      auth_time: now,
      grant_id: expect.any(String),
      email: 'owner@example.com',
    })
  })

  it('§2.2 jti is another in each token, grant_id the same within a grant and another in the next', async () => {
    const first = await grant(server)
    const next = await refresh(server, first, first.tokens.refresh_token)
    const second = await grant(server, { clientId: first.clientId })
    const all = [first.tokens, next.body, second.tokens].map((tokens) => claimsOf(tokens.access_token))
    expect(new Set(all.map((claims) => claims['jti'])).size).toBe(3)
    expect(all[1]?.['grant_id']).toBe(all[0]?.['grant_id'])
    expect(all[2]?.['grant_id']).not.toBe(all[0]?.['grant_id'])
  })

  it('§2.2.1 auth_time is that of the sign-in, also after a refresh', async () => {
    const { clientId, tokens } = await grant(server)
    const signedInAt = server.clock.now / 1000
    server.clock.advance(1800)
    const { body } = await refresh(server, { clientId }, tokens.refresh_token)
    expect(claimsOf(body.access_token)).toMatchObject({ auth_time: signedInAt, iat: signedInAt + 1800 })
  })

  it('§2.2 sub is an opaque id: the same for one person, another for another, no address', async () => {
    const bob = await addPerson(server, 'bob@example.org')
    const subs = [
      claimsOf((await grant(server)).tokens.access_token)['sub'],
      claimsOf((await grant(server)).tokens.access_token)['sub'],
      claimsOf((await grant(server, { person: bob })).tokens.access_token)['sub'],
    ]
    expect(subs[0]).toBe(subs[1])
    expect(subs[2]).not.toBe(subs[0])
    expect(subs.join()).not.toContain('@')
  })

  it('§2.2 client credentials: sub is client_id, in a namespace that no person shares', async () => {
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
    const { payload } = await verify(String(body['access_token']))
    expect(payload).toMatchObject({ sub: client.client_id, client_id: client.client_id, scope: 'files:read' })
    expect(payload).not.toHaveProperty('email')
    const person = claimsOf((await grant(server)).tokens.access_token)['sub']
    expect(String(person).split('_')[0]).not.toBe(String(client.client_id).split('_')[0])
  })

  it('§3 aud is one string, scope is the granted one', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'files:write' } })
    expect(claimsOf(tokens.access_token)).toMatchObject({ aud: MCP_URL, scope: 'files:write' })
  })

  it('§6 email is only there where the server asks for it', async () => {
    const url = 'https://blind.example.com/mcp'
    await registerServer(server, { server_url: url, identity: [] })
    const { tokens } = await grant(server, { parameters: { resource: url } })
    expect(claimsOf(tokens.access_token)).not.toHaveProperty('email')
  })

  it('§5 an id_token is no access token, and its typ is not at+jwt', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'openid files:read' } })
    expect(headerOf(tokens['id_token'])['typ']).not.toBe('at+jwt')
    expect(await introspect(server, mcp.key, String(tokens['id_token']))).toEqual({ active: false })
  })

  it('§4 a changed signature does not verify, here or there', async () => {
    const { tokens } = await grant(server)
    const forged = `${tokens.access_token.slice(0, -10)}AAAAAAAAAA`
    await expect(verify(forged)).rejects.toThrow()
    expect(await introspect(server, mcp.key, forged)).toEqual({ active: false })
  })

  it.each(['RS256', 'EdDSA'] as const)('§2.1 signed with %s where that is chosen', async (signingAlg) => {
    const other = await createTestServer({ signingAlg })
    const { key } = await registerServer(other)
    const { tokens } = await grant(other)
    expect(headerOf(tokens.access_token)).toMatchObject({ alg: signingAlg, typ: 'at+jwt' })
    await verify(tokens.access_token, other)
    expect((await introspect(other, key, tokens.access_token))['active']).toBe(true)
    await other.close()
  })

  it('decisions.md HS256: introspection knows it, its key is never published', async () => {
    const other = await createTestServer({ signingAlg: 'HS256' })
    const { key } = await registerServer(other)
    const { tokens } = await grant(other)
    expect(headerOf(tokens.access_token)['alg']).toBe('HS256')
    expect((await introspect(other, key, tokens.access_token))['active']).toBe(true)
    const { body } = await getJson(other, '/.well-known/jwks.json')
    expect(JSON.stringify(body)).not.toMatch(/"oct"|"k":|HS256/)
    await other.close()
  })

  it('the lifetime is the configured one, and expires_in says it', async () => {
    const other = await createTestServer({ accessTokenTtl: 300 })
    await registerServer(other)
    const { tokens } = await grant(other)
    const claims = claimsOf(tokens.access_token)
    expect(tokens['expires_in']).toBe(300)
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(300)
    await other.close()
  })
})
