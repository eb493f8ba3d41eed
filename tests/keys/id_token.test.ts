import { createHash } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { type Granted, grant, refresh, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await createTestServer()
  await registerServer(server)
})
afterAll(() => server.close())

/** The claims of an id_token, verified as its client does. */
async function verify(idToken: unknown, clientId: string) {
  const response = await server.fetch('/.well-known/jwks.json')
  const keys = createLocalJWKSet((await response.json()) as JSONWebKeySet)
  const { payload } = await jwtVerify(String(idToken), keys, {
    issuer: ISSUER,
    audience: clientId,
    currentDate: new Date(server.clock.now),
  })
  return payload
}

/** Base64url of the left half of a hash (OpenID Connect Core §3.1.3.6). */
function leftHalf(hash: 'sha256' | 'sha512', text: string): string {
  const digest = createHash(hash).update(text).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const algOf = ({ tokens }: Granted) => decodeProtectedHeader(String(tokens['id_token'])).alg

describe('an id_token', () => {
  it.each([
    { alg: 'RS256', hash: 'sha256' },
    { alg: 'ES256', hash: 'sha256' },
    { alg: 'EdDSA', hash: 'sha512' },
  ] as const)(
    'is signed with $alg where the client registered it, with at_hash by $hash',
    async ({ alg, hash }) => {
      const clientId = await registerClient(server, { id_token_signed_response_alg: alg })
      const granted = await grant(server, { clientId, parameters: { scope: 'openid files:read' } })
      expect(algOf(granted)).toBe(alg)
      const claims = await verify(granted.tokens['id_token'], clientId)
      expect(claims['at_hash']).toBe(leftHalf(hash, granted.tokens.access_token))
    },
  )

  it('is signed with RS256 where the client registered nothing, whatever access tokens are signed with', async () => {
    const granted = await grant(server, { parameters: { scope: 'openid' } })
    expect(algOf(granted)).toBe('RS256')
    expect(decodeProtectedHeader(granted.tokens.access_token).alg).toBe('ES256')
  })

  it('has these claims, and no others', async () => {
    const granted = await grant(server, { parameters: { scope: 'openid', nonce: 'n-0S6_WzA2Mj' } })
    const now = Math.floor(server.clock.now / 1000)
    expect(decodeProtectedHeader(String(granted.tokens['id_token']))).toEqual({
      alg: 'RS256',
      typ: 'JWT',
      kid: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(await verify(granted.tokens['id_token'], granted.clientId)).toEqual({
      iss: ISSUER,
      sub: expect.stringMatching(/^usr_/),
      aud: granted.clientId,
      iat: now,
      exp: now + 3600,
      auth_time: now,
      nonce: 'n-0S6_WzA2Mj',
      at_hash: leftHalf('sha256', granted.tokens.access_token),
    })
  })

  it('has no nonce where none was sent', async () => {
    const { tokens, clientId } = await grant(server, { parameters: { scope: 'openid' } })
    expect(await verify(tokens['id_token'], clientId)).not.toHaveProperty('nonce')
  })

  it('has the e-mail address where the scope email was granted', async () => {
    const { tokens, clientId } = await grant(server, { parameters: { scope: 'openid email' } })
    expect(await verify(tokens['id_token'], clientId)).toMatchObject({
      email: 'owner@example.com',
      email_verified: true,
    })
  })

  it('says when the person signed in, not when they came back', async () => {
    const browser = createBrowser(server)
    const signedInAt = Math.floor(server.clock.now / 1000)
    await grant(server, { browser })
    server.clock.advance(1_800)
    const { tokens, clientId } = await grant(server, { browser, parameters: { scope: 'openid' } })
    expect(await verify(tokens['id_token'], clientId)).toMatchObject({
      auth_time: signedInAt,
      iat: signedInAt + 1_800,
    })
  })

  it('comes with a refresh as well, about the same person, sign-in and client (OpenID Connect Core section 12.2)', async () => {
    const granted = await grant(server, { parameters: { scope: 'openid files:read', nonce: 'once' } })
    const first = await verify(granted.tokens['id_token'], granted.clientId)
    server.clock.advance(60)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    const second = await verify(body['id_token'], granted.clientId)
    const { iss, sub, aud, auth_time } = first
    expect(second).toMatchObject({ iss, sub, aud, auth_time, iat: Number(first.iat) + 60 })
    expect(second).not.toHaveProperty('nonce')
    expect(second['at_hash']).toBe(leftHalf('sha256', body.access_token))
  })

  it('is not issued without the scope openid', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'files:read' } })
    expect(tokens).not.toHaveProperty('id_token')
  })

  it('is no access token', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'openid', resource: undefined } })
    const response = await server.fetch('/userinfo', {
      headers: { Authorization: `Bearer ${tokens['id_token']}` },
    })
    expect(response.status).toBe(401)
  })
})
