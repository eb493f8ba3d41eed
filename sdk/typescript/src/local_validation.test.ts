import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Protection } from './protection.ts'
import { createFakeServer, type FakeServer, standardClaims } from './testing/authorization_server.ts'
import { settle } from './testing/platform.ts'
import { send } from './testing/request.ts'

const REFUSED = '401 invalid_token'

let server: FakeServer
let protection: Protection
beforeEach(async () => {
  server = await createFakeServer()
  protection = server.protect({ validation: 'local' })
})

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

test('a good token is let through, and the authorization server is not asked about it', async () => {
  expect(await send(protection, await server.sign())).toBe('200')
  expect(server.asked).toEqual({ introspect: 0, jwks: 1, revocations: 1, metadata: 0 })
})

describe('attacks on the header', () => {
  test('alg none', async () => {
    const payload = encode(standardClaims(server.platform.seconds))
    const header = encode({ alg: 'none', typ: 'at+jwt', kid: 'key-1' })
    for (const signature of ['', 'AA'])
      expect(await send(protection, `${header}.${payload}.${signature}`)).toBe(REFUSED)
  })

  test('HS256 with the public key as its secret, in every form that it has', async () => {
    const [jwk] = server.keys
    const key = (await importJWK({ ...jwk, ext: true }, 'ES256')) as CryptoKey
    for (const secret of [JSON.stringify(jwk), await exportSPKI(key)]) {
      const forged = await server.sign({}, { alg: 'HS256' }, new TextEncoder().encode(secret.padEnd(32)))
      expect(await send(protection, forged)).toBe(REFUSED)
    }
  })

  test('a kid that is a path, a number, a name of Object, or too much', async () => {
    for (const kid of ['../../dev/null', '__proto__', 'constructor', '', 'k'.repeat(10_000)]) {
      expect(await send(protection, await server.sign({}, { kid }))).toBe(REFUSED)
    }
    for (const kid of [1, null, ['key-1'], { toString: 'key-1' }]) {
      const token = await server.sign({}, { kid: 'key-1' })
      const header = encode({ alg: 'ES256', typ: 'at+jwt', kid })
      expect(await send(protection, [header, ...token.split('.').slice(1)].join('.'))).toBe(REFUSED)
    }
  })

  test('a key that comes with the token', async () => {
    const mallory = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(mallory.publicKey)
    const header = { jwk, jku: 'https://mallory.example/keys', x5u: 'https://mallory.example/x5u' }
    expect(await send(protection, await server.sign({}, header, mallory.privateKey))).toBe(REFUSED)
  })

  test('the type of something else', async () => {
    for (const typ of ['JWT', 'dpop+jwt', 'logout+jwt', '']) {
      expect(await send(protection, await server.sign({}, { typ }))).toBe(REFUSED)
    }
  })

  test('an extension that is critical', async () => {
    const token = await server.sign()
    const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', crit: ['exp'], exp: 1 })
    expect(await send(protection, [header, ...token.split('.').slice(1)].join('.'))).toBe(REFUSED)
  })

  test('a token of another form: padded, with more parts, or encrypted', async () => {
    const token = await server.sign()
    for (const other of [`${token}=`, `${token}.AA`, `${token}.`, `a.b.c.d.e`, token.replace('.', '..')]) {
      expect(await send(protection, other)).toBe(REFUSED)
    }
  })

  test('a symmetric key, or one for encryption, in the key set', async () => {
    const secret = new Uint8Array(32).fill(7)
    server.keys = [
      { kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid: 'secret', alg: 'HS256' },
      ...server.keys.map((key) => ({ ...key, kid: 'enc', use: 'enc' })),
    ]
    expect(await send(protection, await server.sign({}, { alg: 'HS256', kid: 'secret' }, secret))).toBe(
      REFUSED,
    )
    expect(await send(protection, await server.sign({}, { kid: 'enc' }))).toBe(REFUSED)
  })
})

describe('attacks on the claims', () => {
  const wrong: Record<string, object> = {
    'another issuer': { iss: 'https://auth.example.mallory.example' },
    'the issuer with a slash': { iss: 'https://auth.example/' },
    'another audience': { aud: 'https://other.example/mcp' },
    'an audience that begins with ours': { aud: 'https://mcp.example/mcp/more' },
    'a list of others': { aud: ['https://other.example', 'https://mcp.example'] },
    'no audience': { aud: undefined },
    'an expiry that has come': { exp: 1_764_000_000 },
    'an expiry that is text': { exp: '9999999999' },
    'no expiry': { exp: undefined },
    'an issue in the future': { iat: 1_764_000_061 },
    'not yet': { nbf: 1_764_000_061 },
    nobody: { sub: '' },
    'no client': { client_id: undefined },
    'no identifier': { jti: undefined },
    'scopes as a list': { scope: ['files:read'] },
    'a certificate': { cnf: { 'x5t#S256': 'abc' } },
    'a key that came as Bearer': { cnf: { jkt: 'abc' } },
    'a binding that is empty': { cnf: {} },
  }
  test.each(Object.entries(wrong))('%s', async (_, claims) => {
    expect(await send(protection, await server.sign(claims))).toBe(REFUSED)
  })

  test('a list of audiences that holds ours is good', async () => {
    expect(
      await send(
        protection,
        await server.sign({ aud: ['https://other.example', 'https://mcp.example/mcp'] }),
      ),
    ).toBe('200')
  })

  test('a token that was good expires', async () => {
    const token = await server.sign({ exp: server.platform.seconds + 1 })
    expect(await send(protection, token)).toBe('200')
    server.platform.seconds += 1
    expect(await send(protection, token)).toBe(REFUSED)
  })

  test('who changes the claims that he is given changes nobody else’s', async () => {
    const { incoming } = await import('./testing/request.ts')
    const request = incoming('/mcp', { headers: { Authorization: `Bearer ${await server.sign()}` } })
    const first = await protection.decide(request)
    const auth = first.answer === undefined ? first.auth : undefined
    auth?.scopes.push('files:write')
    expect(() => Object.assign(auth?.claims ?? {}, { sub: 'mallory' })).toThrow(TypeError)
    const second = await protection.decide(request)
    expect(second.answer === undefined && second.auth?.scopes).toEqual(['files:read'])
  })
})

describe('denials', () => {
  const denials = {
    token: { kind: 'token', subject: 'jti-1' },
    grant: { kind: 'grant', subject: 'grant_1' },
    user: { kind: 'user', subject: 'user_1', cutoff: 1_764_000_000 },
    client: { kind: 'client', subject: 'client_1' },
    server: { kind: 'server', subject: 'https://mcp.example/mcp' },
  }
  test.each(Object.entries(denials))('of a %s, for a token seen before', async (_, denial) => {
    const token = await server.sign({ jti: 'jti-1' })
    expect(await send(protection, token)).toBe('200')
    server.denials.push({ ...denial, expires_at: server.platform.seconds + 3600 })
    server.platform.seconds += 0.6
    expect(await send(protection, token)).toBe(REFUSED)
  })

  test('of a user do not reach what was issued after the cutoff', async () => {
    server.denials.push({
      ...denials.user,
      cutoff: server.platform.seconds - 1,
      expires_at: server.platform.seconds + 9,
    })
    expect(await send(protection, await server.sign())).toBe('200')
  })

  test('the authorization server down: local until the staleness, then 503, and back', async () => {
    protection = server.protect({ validation: 'local', maxStaleness: 5 })
    const token = await server.sign()
    expect(await send(protection, token)).toBe('200')
    server.down = new Set(['introspect', 'revocations', 'jwks'])
    server.platform.seconds += 5
    expect(await send(protection, token)).toBe('200')
    server.platform.seconds += 1
    expect(await send(protection, token)).toBe('503 temporarily_unavailable')
    server.down.delete('introspect')
    expect(await send(protection, token)).toBe('200')
    expect(server.asked.introspect).toBe(2)
    server.revoked.add(token)
    expect(await send(protection, token)).toBe(REFUSED)
    server.down.clear()
    server.denials.push({ kind: 'grant', subject: 'grant_1', expires_at: server.platform.seconds + 3600 })
    server.platform.seconds += 3
    expect(await send(protection, token)).toBe(REFUSED)
    expect(server.asked.introspect).toBe(3)
  })

  test('a cold start without the feed asks, and without both is 503', async () => {
    server.down = new Set(['revocations'])
    const token = await server.sign()
    expect(await send(protection, token)).toBe('200')
    expect(server.asked.introspect).toBe(1)
    server.down.add('introspect')
    expect(await send(protection, token)).toBe('503 temporarily_unavailable')
  })
})

describe('keys', () => {
  async function addKey(kid: string): Promise<CryptoKey> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    server.keys = [...server.keys, { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }]
    return privateKey
  }

  test('a new key is fetched when a token names it, and an unknown one at most once a minute', async () => {
    expect(await send(protection, await server.sign())).toBe('200')
    const key = await addKey('key-2')
    server.platform.seconds += 2
    expect(await send(protection, await server.sign({}, { kid: 'key-2' }, key))).toBe('200')
    expect(server.asked.jwks).toBe(2)
    for (let kid = 0; kid < 20; kid += 1) {
      server.platform.seconds += 2
      expect(await send(protection, await server.sign({}, { kid: `unknown-${kid}` }))).toBe(REFUSED)
    }
    expect(server.asked.jwks).toBe(2)
    server.platform.seconds += 30
    expect(await send(protection, await server.sign({}, { kid: 'unknown' }))).toBe(REFUSED)
    expect(server.asked.jwks).toBe(3)
  })

  test('old keys serve while new ones cannot be had; an unknown one is 503 then', async () => {
    expect(await send(protection, await server.sign())).toBe('200')
    server.down.add('jwks')
    server.platform.seconds += 400
    expect(await send(protection, await server.sign())).toBe('200')
    await settle()
    expect(server.platform.warnings).toEqual([expect.stringMatching(/^the keys .* cannot be reached$/)])
    server.platform.seconds += 2
    expect(await send(protection, await server.sign({}, { kid: 'key-2' }))).toBe(
      '503 temporarily_unavailable',
    )
  })

  test('a key that was withdrawn ends what it signed, also what was seen before', async () => {
    const token = await server.sign()
    expect(await send(protection, token)).toBe('200')
    server.keys = []
    await addKey('key-2')
    server.platform.seconds += 301
    await send(protection, token)
    await settle()
    expect(await send(protection, token)).toBe(REFUSED)
  })

  test('requests that come at once share one fetch', async () => {
    const tokens = await Promise.all(Array.from({ length: 10 }, () => server.sign()))
    expect(new Set(await Promise.all(tokens.map((token) => send(protection, token))))).toEqual(
      new Set(['200']),
    )
    expect(server.asked).toMatchObject({ jwks: 1, revocations: 1 })
  })
})
