import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { signAccessToken } from './access_token.ts'
import { ID_TOKEN_TTL, signIdToken, verifyIdTokenHint } from './id_token.ts'

const SUBJECT = {
  sub: 'usr_alice',
  clientId: 'cli_editor',
  alg: 'RS256' as const,
  authTime: new Date('2026-11-24T11:00:00Z'),
  accessToken: 'an access token',
}

let test: TestContext

beforeAll(async () => {
  test = await createTestContext()
})
afterAll(() => test.close())

const sign = (change: object = {}) => signIdToken(test.context, { ...SUBJECT, ...change })

describe('an id_token', () => {
  it('has the claims that it was asked for, and no empty ones', async () => {
    const now = test.clock.now / 1000
    expect(decodeJwt(await sign())).toEqual({
      iss: ISSUER,
      sub: 'usr_alice',
      aud: 'cli_editor',
      iat: now,
      exp: now + ID_TOKEN_TTL,
      auth_time: now - 3600,
      at_hash: expect.stringMatching(/^[\w-]{22}$/),
    })
    expect(decodeJwt(await sign({ nonce: 'n', email: 'alice@example.com' }))).toMatchObject({
      nonce: 'n',
      email: 'alice@example.com',
      email_verified: true,
    })
  })

  it.each([
    // printf 'an access token' | openssl dgst -sha256 -binary | head -c16 | base64; and -sha512, 32 bytes.
    ['RS256', 'FPlcM-1UXiivOYozpUrp7Q'],
    ['ES256', 'FPlcM-1UXiivOYozpUrp7Q'],
    ['EdDSA', '9UL8Bx6o74X3_A6XW5iK4-LmMHW0iJMLZ2YNNd2z1kc'],
  ] as const)('of %s has the hash of that algorithm', async (alg, hash) => {
    const token = await sign({ alg })
    expect(decodeProtectedHeader(token)).toMatchObject({ alg, typ: 'JWT' })
    expect(decodeJwt(token)['at_hash']).toBe(hash)
  })
})

describe('an id_token that comes back as a hint', () => {
  it('names its person and client, also long after it has expired', async () => {
    const token = await sign()
    const expected = { sub: 'usr_alice', aud: 'cli_editor' }
    expect(await verifyIdTokenHint(test.context, token)).toEqual(expected)
    test.clock.advance(30 * 86_400_000)
    expect(await verifyIdTokenHint(test.context, token)).toEqual(expected)
  })

  it.each([
    ['is no JWT', async () => 'nonsense'],
    ['is empty', async () => ''],
    [
      'was changed',
      async () => (await sign()).replace(/\.[^.]+\./, `.${encode({ iss: ISSUER, sub: 'a', aud: 'b' })}.`),
    ],
    [
      'was signed by somebody else',
      () => forge(Buffer.alloc(32, 1), { alg: 'HS256', typ: 'JWT', kid: 'theirs' }),
    ],
    ['names no key', () => forge(Buffer.alloc(32, 1), { alg: 'HS256', typ: 'JWT' })],
    [
      'is an access token',
      () => signAccessToken(test.context, { sub: 'a', clientId: 'b', resource: ISSUER, scopes: [] }),
    ],
  ])('is nothing when it %s', async (_, make) => {
    expect(await verifyIdTokenHint(test.context, await make())).toBeUndefined()
  })

  it('is nothing when it is of another issuer, or about several clients', async () => {
    const key = await test.context.signingKeys.current('RS256')
    const odd: Record<string, unknown>[] = [
      { iss: 'https://other.example' },
      { aud: ['a', 'b'] },
      { sub: undefined },
    ]
    for (const claims of odd) {
      const token = await new SignJWT({ iss: ISSUER, sub: 'a', aud: 'b', ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid })
        .sign(key.signingKey)
      expect(await verifyIdTokenHint(test.context, token)).toBeUndefined()
    }
  })
})

function forge(key: Uint8Array, header: { alg: string; typ: string; kid?: string }): Promise<string> {
  return new SignJWT({ iss: ISSUER, sub: 'a', aud: 'b' }).setProtectedHeader(header).sign(key)
}

function encode(claims: object): string {
  return Buffer.from(JSON.stringify(claims)).toString('base64url')
}
