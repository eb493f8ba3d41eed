import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isSignedIn } from '../support/attacker.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { createUpstreamTest, UPSTREAM, type UpstreamTest } from '../support/upstream.ts'

describe('an id token of an upstream provider is refused (OpenID Connect Core §3.1.3.7)', () => {
  let test: UpstreamTest
  let browser: Browser

  beforeAll(async () => {
    test = await createUpstreamTest({ signUp: 'open' })
  })
  afterAll(() => test.server.close())
  beforeEach(() => {
    browser = createBrowser(test.server)
    const { upstream } = test
    upstream.claims = { sub: 'ada', email: 'ada@acme.example', email_verified: true }
    upstream.userinfo = {}
    upstream.signsWithAnotherKey = false
    upstream.tamper = (token) => token
  })

  async function expectRefused(): Promise<void> {
    const page = await test.signIn(browser)
    expect([page.status, page.text()]).toEqual([502, expect.stringContaining('cannot be used')])
    expect(await isSignedIn(browser)).toBe(false)
  }

  it('not so where nothing is wrong with it', async () => {
    await test.signIn(browser)
    expect(await isSignedIn(browser)).toBe(true)
  })

  const now = () => Math.floor(test.server.clock.now / 1000)
  it.each<[string, () => Record<string, unknown>]>([
    ['of another issuer', () => ({ iss: 'https://evil.example' })],
    ['for another client', () => ({ aud: 'another' })],
    [
      'for several, of which another is authorized',
      () => ({ aud: [UPSTREAM.clientId, 'another'], azp: 'another' }),
    ],
    ['with another nonce', () => ({ nonce: 'another' })],
    ['without a nonce', () => ({ nonce: undefined })],
    ['that has expired', () => ({ iat: now() - 900, exp: now() - 600 })],
    ['without a subject', () => ({ sub: undefined })],
    ['with a subject that no database holds', () => ({ sub: 'a\u0000b' })],
  ])('%s', async (_, claims) => {
    test.upstream.claims = { ...test.upstream.claims, ...claims() }
    await expectRefused()
  })

  it('signed with a key that the provider does not publish', async () => {
    test.upstream.signsWithAnotherKey = true
    await expectRefused()
  })

  it.each([{ alg: 'none' }, { alg: 'HS256' }, { alg: 'ES256', kid: 'two' }])(
    'with the header %o',
    async (header) => {
      test.upstream.tamper = (token) =>
        token.replace(/^[^.]+/, Buffer.from(JSON.stringify(header)).toString('base64url'))
      await expectRefused()
    },
  )

  it('with claims that were changed after it was signed', async () => {
    test.upstream.tamper = (token) => {
      const [header, payload = '', signature] = token.split('.')
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const changed = Buffer.from(JSON.stringify({ ...claims, email: 'owner@acme.example' })).toString(
        'base64url',
      )
      return `${header}.${changed}.${signature}`
    }
    await expectRefused()
  })

  it('of one person, with userinfo about another (OpenID Connect Core §5.3.2)', async () => {
    test.upstream.claims = { sub: 'ada' }
    test.upstream.userinfo = { sub: 'grace', email: 'grace@acme.example', email_verified: true }
    await expectRefused()
  })

  it('and no line of the log holds one', () => {
    const lines = test.server.logLines.join('\n')
    expect(lines).toContain('JWT')
    expect(lines).not.toMatch(/eyJ[\w-]+\.eyJ/)
  })
})
