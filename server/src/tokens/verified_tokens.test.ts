import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestContext, type TestContext } from '../../../tests/support/context.ts'
import type { ServerContext } from '../context.ts'
import { type AccessTokenClaims, findActiveClaims, signAccessToken, tokenDenial } from './access_token.ts'
import { signJws } from './jws.ts'
import { deny } from './revocation.ts'
import {
  MAX_CHARACTERS,
  MAX_TOKENS,
  VerifiedToken,
  VerifiedTokens,
  verifiedTokensOf,
} from './verified_tokens.ts'

const RESOURCE = 'https://mcp.example.com/mcp'
const DAY = 86_400_000

describe('a token that was seen before', () => {
  let test: TestContext
  let context: ServerContext
  /** How often a signature was checked. */
  let checks: number

  beforeEach(async () => {
    test = await createTestContext()
    checks = 0
    context = { ...test.context, signingKeys: countChecks(test.context.signingKeys) }
  })
  afterEach(() => test.close())

  function countChecks(keys: ServerContext['signingKeys']): ServerContext['signingKeys'] {
    return {
      current: (alg) => keys.current(alg),
      jwks: () => keys.jwks(),
      ages: () => keys.ages(),
      rotateDueKeys: () => keys.rotateDueKeys(),
      rotateAll: (publishAhead) => keys.rotateAll(publishAhead),
      async find(kid) {
        const key = await keys.find(kid)
        return (
          key && {
            ...key,
            get verificationKey() {
              checks += 1
              return key.verificationKey
            },
          }
        )
      },
    }
  }

  const sign = () =>
    signAccessToken(context, {
      sub: 'usr_alice',
      clientId: 'cli_editor',
      resource: RESOURCE,
      scopes: ['files:read'],
      grantId: 'grant-1',
      dpopJkt: 'thumbprint',
    })
  const find = (token: string, audience = RESOURCE) => findActiveClaims(context, token, { audience })

  async function see(token: string): Promise<AccessTokenClaims> {
    const claims = await find(token)
    if (claims === undefined) throw new Error('The token is not active.')
    return claims
  }

  /** Our own, with other claims than we would give it. */
  async function signOddly(change: Partial<AccessTokenClaims>): Promise<string> {
    const claims = await see(await sign())
    return signJws(await context.signingKeys.current('ES256'), 'at+jwt', { ...claims, ...change })
  }

  it('is not verified again', async () => {
    const token = await sign()
    const claims = await see(token)
    expect(checks).toBe(1)
    expect(await see(token)).toEqual(claims)
    expect(checks).toBe(1)
  })

  it('is refused at once when it, or its grant, was revoked', async () => {
    const [one, other] = [await sign(), await sign()]
    await see(other)
    const whose = { organization_id: 'org_root', server_id: null }
    const denial = tokenDenial(await see(one), whose)
    await deny(context, denial)
    expect(await find(one)).toBeUndefined()
    await see(other)
    await deny(context, { ...denial, kind: 'grant', subject: 'grant-1' })
    expect(await find(other)).toBeUndefined()
    expect(checks).toBe(2)
  })

  it('is refused at another node, when that has heard of the revocation', async () => {
    const token = await sign()
    const denial = tokenDenial(await see(token), { organization_id: 'org_root', server_id: null })
    await context.storage.recordDenial(denial, new Date(context.now()))
    test.clock.advance(700)
    expect(await find(token)).toBeUndefined()
  })

  it('is refused once it has expired, to the second', async () => {
    const token = await sign()
    await see(token)
    test.clock.advance(3_599_000)
    await see(token)
    test.clock.advance(1_000)
    expect(await find(token)).toBeUndefined()
  })

  it('is refused once its key has expired, though it has not', async () => {
    const token = await signOddly({ exp: test.clock.now / 1000 + 1_000_000 })
    await see(token)
    await context.signingKeys.rotateAll(0)
    test.clock.advance(DAY + 299_999)
    await see(token)
    test.clock.advance(1)
    expect(await find(token)).toBeUndefined()
  })

  it('is refused once its key was removed', async () => {
    const token = await sign()
    await see(token)
    await test.database.runScript('delete from auth_agent.signing_keys')
    test.clock.advance(60_000)
    expect(await find(token)).toBeUndefined()
  })

  it('is refused while its time has not come: a clock was set back', async () => {
    const token = await signOddly({ nbf: test.clock.now / 1000 })
    const early = await signOddly({ nbf: test.clock.now / 1000 + 1 })
    await see(token)
    expect(await find(early)).toBeUndefined()
    test.clock.advance(-1_000)
    expect(await find(token)).toBeUndefined()
    test.clock.advance(2_000)
    for (const later of [token, early]) await see(later)
  })

  it('is refused for another audience', async () => {
    const token = await sign()
    await see(token)
    expect(await find(token, 'https://other.example.com/mcp')).toBeUndefined()
    await see(token)
  })

  it('does not make another text good: each bit counts', async () => {
    const token = await sign()
    await see(token)
    const [header, payload, signature = ''] = token.split('.')
    const turned = Buffer.from(signature, 'base64url')
    turned.writeUInt8(turned.readUInt8(5) ^ 1, 5)
    const others = [`${header}.${payload}.${turned.toString('base64url')}`, `${token}A`, token.slice(0, -1)]
    for (const other of others) expect(await find(other)).toBeUndefined()
    expect(verifiedTokensOf(context).size).toBe(1)
  })

  it('does not make another text good that ends alike, or has the same low bytes', async () => {
    const token = await sign()
    await see(token)
    const others = [
      token.replace('e', 'f'),
      token.replace('e', String.fromCharCode('e'.charCodeAt(0) + 0x100)),
      token.replace('.', '\u{1f600}'),
      `x${token}`,
      token.slice(1),
      token.slice(-12),
      '',
    ]
    for (const other of others) {
      expect(verifiedTokensOf(context).find(other)).toBeUndefined()
      expect(await find(other)).toBeUndefined()
    }
    await see(token)
    expect(checks).toBe(1)
  })

  it('is known to the server that saw it only', async () => {
    const token = await sign()
    await see(token)
    expect(verifiedTokensOf(test.context).size).toBe(0)
    const elsewhere = { ...context, issuer: { ...context.issuer, url: 'https://other.example' } }
    expect(await findActiveClaims(elsewhere, token)).toBeUndefined()
  })

  it('has claims that nobody can change for the others', async () => {
    const token = await sign()
    const claims = await see(token)
    expect(() => Object.assign(claims, { sub: 'usr_mallory' })).toThrow(TypeError)
    expect(() => Object.assign(claims.cnf ?? {}, { jkt: 'another' })).toThrow(TypeError)
  })
})

describe('what is remembered', () => {
  const claims: AccessTokenClaims = {
    iss: 'https://as.example',
    sub: 'usr_alice',
    aud: RESOURCE,
    client_id: 'cli_editor',
    scope: '',
    iat: 0,
    exp: 0,
    jti: 'j',
  }
  const add = (tokens: VerifiedTokens, token: string) =>
    tokens.add(token, new VerifiedToken('k', { ...claims }))

  it('is so many tokens at the most; the one used longest ago makes room', () => {
    const tokens = new VerifiedTokens()
    for (let index = 0; index < MAX_TOKENS; index += 1) add(tokens, `token ${index}`)
    expect(tokens.find('token 0')).toMatchObject({ kid: 'k', claims })
    add(tokens, 'one more')
    expect(tokens.size).toBe(MAX_TOKENS)
    expect(tokens.find('token 1')).toBeUndefined()
    for (const token of ['token 0', 'token 2', 'one more']) expect(tokens.find(token)).toBeDefined()
  })

  it('is so many characters at the most', () => {
    const tokens = new VerifiedTokens()
    const long = 'x'.repeat(10_000)
    for (let index = 0; index < 3_000; index += 1) add(tokens, `${long}${index % 10}${index}`)
    expect(tokens.size).toBeLessThanOrEqual(MAX_CHARACTERS / long.length)
    expect(tokens.size).toBeGreaterThan(MAX_CHARACTERS / long.length - 10)
    expect(tokens.find(`${long}92999`)).toBeDefined()
  })

  it('is nothing of a token that is longer than all of them may be', () => {
    const tokens = new VerifiedTokens()
    add(tokens, 'x'.repeat(MAX_CHARACTERS + 1))
    expect(tokens.size).toBe(0)
  })
})
