import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { requestToken } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const CLIENT_URL = 'https://client.example.com/metadata.json'
const JWKS_URL = 'https://client.example.com/jwks.json'
const MINUTE = 61

interface KeyPair {
  kid: string
  privateKey: CryptoKey
  jwk: object
}

let server: TestServer
let first: KeyPair
let second: KeyPair

beforeEach(async () => {
  server = await createTestServer()
  first = await createKey('first')
  second = await createKey('second')
})
afterEach(() => server.close())

async function createKey(kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256' } }
}

function publish(where: 'jwks_uri' | 'jwks', ...keys: KeyPair[]): void {
  const keySet = { keys: keys.map(({ jwk }) => jwk) }
  server.documents.set(CLIENT_URL, {
    client_id: CLIENT_URL,
    client_name: 'Client with keys',
    redirect_uris: ['https://client.example.com/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    ...(where === 'jwks' ? { jwks: keySet } : { jwks_uri: JWKS_URL }),
  })
  server.documents.set(JWKS_URL, keySet)
}

let count = 0

/** Authenticates with an assertion that a key signed. Whoever gets in is told of the code, which is none. */
async function authenticate({ kid, privateKey }: KeyPair): Promise<string | undefined> {
  count += 1
  const now = Math.floor(server.clock.now / 1000)
  const assertion = await new SignJWT({ jti: `assertion-${count}` })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(CLIENT_URL)
    .setSubject(CLIENT_URL)
    .setAudience(ISSUER)
    .setExpirationTime(now + 60)
    .sign(privateKey)
  const { body } = await requestToken(server, {
    grant_type: 'authorization_code',
    code: 'none',
    code_verifier: 'a'.repeat(43),
    client_assertion: assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  })
  return body.error
}

const AUTHENTICATED = 'invalid_grant'
const REFUSED = 'invalid_client'

describe.each(['jwks_uri', 'jwks'] as const)('a client that rotates the keys in its %s', (where) => {
  it('gets in with the new one at once, and no more with the old one', async () => {
    publish(where, first)
    expect(await authenticate(first)).toBe(AUTHENTICATED)
    publish(where, second)
    server.clock.advance(MINUTE)
    expect(await authenticate(second)).toBe(AUTHENTICATED)
    expect(await authenticate(first)).toBe(REFUSED)
  })

  it('makes us ask at most once a minute', async () => {
    publish(where, first)
    expect(await authenticate(first)).toBe(AUTHENTICATED)
    server.clock.advance(MINUTE)
    expect(await authenticate(second)).toBe(REFUSED)
    publish(where, second)
    expect(await authenticate(second)).toBe(REFUSED)
    server.clock.advance(MINUTE)
    expect(await authenticate(second)).toBe(AUTHENTICATED)
  })

  it('is not let in by the new name of a key alone', async () => {
    publish(where, first)
    expect(await authenticate(first)).toBe(AUTHENTICATED)
    publish(where, second)
    server.clock.advance(MINUTE)
    expect(await authenticate({ ...first, kid: 'second' })).toBe(REFUSED)
  })
})

describe('a client whose key set cannot be fetched anew', () => {
  it('may try again later with the new key, and uses the old one meanwhile', async () => {
    publish('jwks_uri', first)
    expect(await authenticate(first)).toBe(AUTHENTICATED)
    server.documents.delete(JWKS_URL)
    server.clock.advance(MINUTE)
    expect(await authenticate(second)).toBe('temporarily_unavailable')
    expect(await authenticate(first)).toBe(AUTHENTICATED)
  })
})
