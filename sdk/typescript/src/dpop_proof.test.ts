import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Protection } from './protection.ts'
import { sha256 } from './sha256.ts'
import { createFakeServer, type FakeServer } from './testing/authorization_server.ts'
import { incoming, describe as tell } from './testing/request.ts'

const REFUSED = '401 invalid_dpop_proof'
const URL_OF_REQUEST = 'https://mcp.example/mcp'

let server: FakeServer
let protection: Protection
let keys: { publicKey: CryptoKey; privateKey: CryptoKey }
let jwk: JWK
let token: string

beforeEach(async () => {
  server = await createFakeServer()
  protection = server.protect({ validation: 'local' })
  keys = await generateKeyPair('ES256', { extractable: true })
  jwk = await exportJWK(keys.publicKey)
  token = await server.sign({ cnf: { jkt: await calculateJwkThumbprint(jwk) } })
})

async function prove(
  claims: object = {},
  header: object = {},
  key: CryptoKey | Uint8Array = keys.privateKey,
) {
  const iat = server.platform.seconds
  const own = { htm: 'POST', htu: URL_OF_REQUEST, iat, jti: crypto.randomUUID(), ath: await sha256(token) }
  const all = { alg: 'ES256', typ: 'dpop+jwt', jwk, ...header }
  return new SignJWT({ ...own, ...claims }).setProtectedHeader(all).sign(key)
}

async function sendProof(proof: string | undefined, target = '/mcp', given = token): Promise<string> {
  const headers = { Authorization: `DPoP ${given}`, ...(proof !== undefined && { DPoP: proof }) }
  return tell(await protection.decide(incoming(target, { headers })))
}

test('a proof is good once, for its key', async () => {
  const proof = await prove()
  expect(await sendProof(proof)).toBe('200')
  expect(await sendProof(proof)).toBe(REFUSED)
  server.platform.seconds += 60
  expect(await sendProof(proof)).toBe(REFUSED)
})

test('of two that come at once, one is the first', async () => {
  const proof = await prove()
  expect((await Promise.all([sendProof(proof), sendProof(proof)])).sort()).toEqual(['200', REFUSED])
})

test('the challenge is of the scheme DPoP, and lists the algorithms', async () => {
  const decision = await protection.decide(incoming('/mcp', { headers: { Authorization: `DPoP ${token}` } }))
  expect(decision.answer?.headers['WWW-Authenticate']).toMatch(
    /^DPoP error="invalid_dpop_proof", error_description="[^"]+", algs="ES256 EdDSA RS256 PS256", resource_metadata="/,
  )
})

describe('refused', () => {
  const claims: Record<string, object> = {
    'another method': { htm: 'GET' },
    'a method in another case': { htm: 'post' },
    'another path': { htu: 'https://mcp.example/mcp/' },
    'another host': { htu: 'https://mcp.example.mallory.example/mcp' },
    'another port': { htu: 'https://mcp.example:8443/mcp' },
    'another scheme': { htu: 'http://mcp.example/mcp' },
    'a user name': { htu: 'https://a@mcp.example/mcp' },
    'a backslash': { htu: 'https://mcp.example\\mcp' },
    'white space': { htu: 'https://mcp.example/m\tcp' },
    'an htu that is a list': { htu: [URL_OF_REQUEST] },
    'no time': { iat: undefined },
    'a time that is text': { iat: '1764000000' },
    'made too long ago': { iat: 1_764_000_000 - 61 },
    'made in the future': { iat: 1_764_000_000 + 61 },
    'no identifier': { jti: undefined },
    'an empty identifier': { jti: '' },
    'an identifier that is too long': { jti: 'j'.repeat(257) },
    'another token': { ath: 'AAAA' },
    'no token': { ath: undefined },
  }
  test.each(Object.entries(claims))('%s', async (_, wrong) => {
    expect(await sendProof(await prove(wrong))).toBe(REFUSED)
  })

  test('the type, or an algorithm, of something else', async () => {
    expect(await sendProof(await prove({}, { typ: 'JWT' }))).toBe(REFUSED)
    const secret = new Uint8Array(32)
    const shared = { kty: 'oct', k: Buffer.from(secret).toString('base64url') }
    expect(await sendProof(await prove({}, { alg: 'HS256', jwk: shared }, secret))).toBe(REFUSED)
  })

  test('the private key, and another key', async () => {
    expect(await sendProof(await prove({}, { jwk: await exportJWK(keys.privateKey) }))).toBe(REFUSED)
    const other = await generateKeyPair('ES256', { extractable: true })
    expect(
      await sendProof(await prove({}, { jwk: await exportJWK(other.publicKey) }, other.privateKey)),
    ).toBe(REFUSED)
    expect(await sendProof(await prove({}, {}, other.privateKey))).toBe(REFUSED)
  })

  test('none, two, and one that is too long', async () => {
    expect(await sendProof(undefined)).toBe(REFUSED)
    expect(await sendProof(`${await prove()}, ${await prove()}`)).toBe(REFUSED)
    expect(await sendProof(await prove({ more: 'x'.repeat(8_192) }))).toBe(REFUSED)
  })

  test('an RSA key of less than 2048 bits', async () => {
    const { publicKey, privateKey } = (await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength: 1024,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    )) as { publicKey: CryptoKey; privateKey: CryptoKey }
    const small = await exportJWK(publicKey)
    token = await server.sign({ cnf: { jkt: await calculateJwkThumbprint(small) } })
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      htm: 'POST',
      htu: URL_OF_REQUEST,
      iat: server.platform.seconds,
      jti: 'j',
      ath: await sha256(token),
    }
    const input = `${encode({ alg: 'RS256', typ: 'dpop+jwt', jwk: small })}.${encode(claims)}`
    const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, Buffer.from(input))
    expect(await sendProof(`${input}.${Buffer.from(signature).toString('base64url')}`)).toBe(REFUSED)
  })

  test('a bound token as Bearer, and an unbound one as DPoP', async () => {
    const bearer = incoming('/mcp', { headers: { Authorization: `Bearer ${token}`, DPoP: await prove() } })
    expect(tell(await protection.decide(bearer))).toBe('401 invalid_token')
    token = await server.sign()
    expect(await sendProof(await prove())).toBe('401 invalid_token')
  })
})

describe('good', () => {
  const spellings = {
    'an upper-case host': ['HTTPS://MCP.EXAMPLE/mcp', '/mcp'],
    'the default port': ['https://mcp.example:443/mcp', '/mcp'],
    'dot segments': ['https://mcp.example/a/../mcp', '/mcp'],
    'letters that are encoded': ['https://mcp.example/%6dcp', '/mcp'],
    'encoding in lower case': ['https://mcp.example/m%c3%a9', '/m%C3%A9'],
    'a query, which does not count': ['https://mcp.example/mcp?a=1#b', '/mcp?b=2'],
  }
  test.each(Object.entries(spellings))('%s', async (_, [htu, target]) => {
    expect(await sendProof(await prove({ htu }), target)).toBe('200')
  })

  test('Ed25519, under both of its names', async () => {
    keys = await generateKeyPair('EdDSA', { extractable: true })
    jwk = await exportJWK(keys.publicKey)
    token = await server.sign({ cnf: { jkt: await calculateJwkThumbprint(jwk) } })
    for (const alg of ['EdDSA', 'Ed25519']) expect(await sendProof(await prove({}, { alg }))).toBe('200')
  })
})
