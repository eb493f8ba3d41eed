import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { findActiveClaims, signAccessToken, tokenDenial, verifyAccessToken } from './access_token.ts'
import { deny } from './revocation.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const SUBJECT = {
  sub: 'usr_alice',
  clientId: 'cli_editor',
  resource: RESOURCE,
  scopes: ['files:read', 'offline_access'],
  authTime: new Date('2026-11-24T11:59:58.900Z'),
  grantId: 'grant-1',
}

let test: TestContext

beforeAll(async () => {
  test = await createTestContext()
})
afterAll(() => test.close())

const sign = (change: Partial<Parameters<typeof signAccessToken>[1]> = {}) =>
  signAccessToken(test.context, { ...SUBJECT, ...change })
const verify = (token: string, audience?: string) =>
  verifyAccessToken(test.context, token, audience === undefined ? {} : { audience })

/** A token that our key signed, as we would never make it. */
async function signOddly(
  claims: Record<string, unknown>,
  header: { typ?: string; kid?: string } = {},
): Promise<string> {
  const key = await test.context.signingKeys.current('ES256')
  const now = Math.floor(test.clock.now / 1000)
  const good = {
    iss: ISSUER,
    sub: 'usr_alice',
    aud: RESOURCE,
    client_id: 'cli_editor',
    scope: 'files:read',
    iat: now,
    exp: now + 60,
    jti: 'j',
  }
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.signingKey)
}

describe('an access token', () => {
  it('verifies to what it was signed with', async () => {
    const now = test.clock.now / 1000
    expect(await verify(await sign(), RESOURCE)).toEqual({
      iss: ISSUER,
      sub: 'usr_alice',
      aud: RESOURCE,
      client_id: 'cli_editor',
      scope: 'files:read',
      iat: now,
      exp: now + 3600,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      auth_time: now - 2,
      grant_id: 'grant-1',
    })
  })

  it('says who may act for whom, and which key it is bound to, where it is', async () => {
    expect(await verify(await sign({ dpopJkt: 'thumbprint', email: 'alice@example.com' }))).toMatchObject({
      cnf: { jkt: 'thumbprint' },
      email: 'alice@example.com',
    })
  })

  it('is good to the second before it expires', async () => {
    const token = await sign()
    test.clock.advance(3_599_000)
    await expect(verify(token)).resolves.toMatchObject({ sub: 'usr_alice' })
    test.clock.advance(1_000)
    await expect(verify(token)).rejects.toThrow('expired')
  })
})

describe('an access token is refused', () => {
  it.each([
    [
      'for another audience',
      () => sign(),
      'https://other.example.com',
      'is for https://mcp.example.com/mcp, not for',
    ],
    ['for an audience that differs by a slash', () => sign(), `${RESOURCE}/`, 'not for'],
  ])('%s', async (_, make, audience, why) => {
    await expect(verify(await make(), audience)).rejects.toThrow(why)
  })

  it.each([
    ['that is no JWT', async () => 'opaque', 'not issued here'],
    ['that is empty', async () => '', 'not issued here'],
    [
      'whose key is not ours',
      () => signOddly({}, { kid: 'another' }),
      'not issued here, or its key has expired',
    ],
    [
      'that names no key',
      async () => (await signOddly({})).replace(/^[^.]+/, encode({ alg: 'ES256', typ: 'at+jwt' })),
      'not issued here',
    ],
    ['that is an id_token', () => signOddly({}, { typ: 'JWT' }), 'malformed, expired, or not issued here'],
    ['of another issuer', () => signOddly({ iss: `${ISSUER}/` }), 'malformed, expired, or not issued here'],
    ['that has expired', () => signOddly({ exp: 1 }), 'malformed, expired, or not issued here'],
    ['whose signature is cut off', async () => (await sign()).replace(/[^.]+$/, ''), 'not issued here'],
    [
      'whose signature is another’s',
      async () => (await sign()).replace(/[^.]+$/, (await sign()).split('.')[2] ?? ''),
      'not issued here',
    ],
    ['without a client_id', () => signOddly({ client_id: undefined }), 'lacks a claim'],
    ['without a jti', () => signOddly({ jti: undefined }), 'lacks a claim'],
    [
      'with two audiences',
      () => signOddly({ aud: [RESOURCE, 'https://other.example.com'] }),
      'lacks a claim',
    ],
    ['with scopes that are a list', () => signOddly({ scope: ['files:read'] }), 'lacks a claim'],
  ])('%s', async (_, make, why) => {
    const token = await make()
    await expect(verify(token)).rejects.toThrow(why)
    await expect(verify(token)).rejects.toMatchObject({ code: 'invalid_token', status: 401 })
    expect(await findActiveClaims(test.context, token)).toBeUndefined()
  })

  it('after it was revoked, and no other of the grant with it', async () => {
    const [revoked, other] = [await sign(), await sign()]
    const denial = tokenDenial(await verify(revoked), { organization_id: 'org_root', server_id: null })
    await deny(test.context, denial)
    await expect(verify(revoked)).rejects.toThrow('The access token was revoked.')
    await expect(verify(other)).resolves.toBeDefined()
    expect(denial.expires_at).toEqual(new Date(test.clock.now + 3_900_000))
  })
})

describe('whether a token is active', () => {
  it('is not told where it cannot be known', async () => {
    const token = await sign()
    const denials = {
      ...test.context.denials,
      refresh: () => Promise.reject(new Error('The database is away.')),
    }
    await expect(findActiveClaims({ ...test.context, denials }, token)).rejects.toThrow(
      'The database is away.',
    )
  })
})

function encode(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}
