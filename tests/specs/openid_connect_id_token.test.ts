import { createHash } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grant, REDIRECT_URI, refresh, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { claimsOf, getJson, headerOf, postJson } from './requests.ts'

describe('OpenID Connect Core, id_token', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())
  const ask = (parameters: Record<string, string | undefined> = {}, id = clientId) =>
    grant(server, { clientId: id, parameters: { scope: 'openid files:read', ...parameters } })

  async function verify(idToken: unknown, audience = clientId) {
    const { body } = await getJson(server, '/.well-known/jwks.json')
    return jwtVerify(String(idToken), createLocalJWKSet(body as unknown as JSONWebKeySet), {
      issuer: ISSUER,
      audience,
      currentDate: new Date(server.clock.now),
    })
  }

  it('§3.1.3.7 a client validates it: signature, iss, aud, exp, iat', async () => {
    const { tokens } = await ask()
    const { payload } = await verify(tokens['id_token'])
    expect(payload).toMatchObject({ aud: clientId, iat: server.clock.now / 1000, sub: expect.any(String) })
    expect(Number(payload.exp)).toBeGreaterThan(server.clock.now / 1000)
  })

  it('§3.1.2.1 without openid in scope there is none', async () => {
    const { tokens } = await ask({ scope: 'files:read' })
    expect(tokens).not.toHaveProperty('id_token')
  })

  it('§2 the algorithm is RS256 by default, with a kid of the JWKS', async () => {
    const { tokens } = await ask()
    const { alg, kid } = headerOf(tokens['id_token'])
    expect(alg).toBe('RS256')
    const { body } = await getJson(server, '/.well-known/jwks.json')
    expect((body['keys'] as { kid: string }[]).map((key) => key.kid)).toContain(kid)
  })

  it.each(['ES256', 'EdDSA', 'RS256'])('Registration §2 id_token_signed_response_alg %s', async (alg) => {
    const id = await registerClient(server, { id_token_signed_response_alg: alg })
    const { tokens } = await ask({}, id)
    expect(headerOf(tokens['id_token'])['alg']).toBe(alg)
    await verify(tokens['id_token'], id)
  })

  it.each(['none', 'HS256', 'ES1024'])(
    'Registration §2 id_token_signed_response_alg %s is refused',
    async (alg) => {
      const { status, body } = await postJson(server, '/register', {
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: alg,
      })
      if (status === 201) expect(body['id_token_signed_response_alg']).not.toBe(alg)
      else expect(body['error']).toBe('invalid_client_metadata')
    },
  )

  it.each(['n-0S6_WzA2Mj', 'with space & "quotes"', 'ünïcødé', 'x'.repeat(500)])(
    '§2 nonce is passed through unmodified: %s',
    async (nonce) => {
      expect(claimsOf((await ask({ nonce })).tokens['id_token'])['nonce']).toBe(nonce)
    },
  )

  it('§2 without nonce there is no such claim', async () => {
    expect(claimsOf((await ask()).tokens['id_token'])).not.toHaveProperty('nonce')
  })

  it('§3.1.3.6 at_hash is the left half of the hash of the access token', async () => {
    const { tokens } = await ask()
    const hash = createHash('sha256').update(tokens.access_token, 'ascii').digest().subarray(0, 16)
    expect(claimsOf(tokens['id_token'])['at_hash']).toBe(hash.toString('base64url'))
  })

  it('§3.1.3.6 at_hash with EdDSA uses the hash of the curve (SHA-512 for Ed25519)', async () => {
    const id = await registerClient(server, { id_token_signed_response_alg: 'EdDSA' })
    const { tokens } = await ask({}, id)
    const hash = createHash('sha512').update(tokens.access_token, 'ascii').digest().subarray(0, 32)
    expect(claimsOf(tokens['id_token'])['at_hash']).toBe(hash.toString('base64url'))
  })

  it('§2 auth_time is REQUIRED with max_age, in seconds', async () => {
    const { tokens } = await ask({ max_age: '1000' })
    expect(claimsOf(tokens['id_token'])['auth_time']).toBe(server.clock.now / 1000)
  })

  it('§5.4 scope email: email and email_verified, so that a client of an MCP server has them (decision 0005)', async () => {
    const { tokens } = await ask({ scope: 'openid email files:read' })
    expect(claimsOf(tokens['id_token'])).toMatchObject({ email: 'owner@example.com', email_verified: true })
  })

  it('§5.4 without scope email there is no address', async () => {
    expect(JSON.stringify(claimsOf((await ask()).tokens['id_token']))).not.toContain('owner@example.com')
  })

  it('§2 sub is that of the access token', async () => {
    const { tokens } = await ask()
    expect(claimsOf(tokens['id_token'])['sub']).toBe(claimsOf(tokens.access_token)['sub'])
  })

  it('§2 aud is the client, never the resource', async () => {
    const { tokens } = await ask()
    expect([claimsOf(tokens['id_token'])['aud']].flat()).toEqual([clientId])
  })

  it('§12.2 an id_token of a refresh: same iss, sub, aud and auth_time, iat of now, no nonce', async () => {
    const granted = await ask({ nonce: 'once' })
    const first = claimsOf(granted.tokens['id_token'])
    server.clock.advance(600)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    if (!('id_token' in body)) return
    const second = claimsOf(body['id_token'])
    for (const claim of ['iss', 'sub', 'aud', 'auth_time']) expect(second[claim]).toEqual(first[claim])
    expect(second['iat']).toBe(server.clock.now / 1000)
    expect(second).not.toHaveProperty('nonce')
  })

  it('§11 offline_access is accepted and granted (decision 0009)', async () => {
    const { tokens } = await ask({ scope: 'openid offline_access files:read' })
    expect(tokens['scope']).toContain('offline_access')
    expect(tokens.refresh_token).toEqual(expect.any(String))
  })
})
