import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isSignedIn } from '../support/attacker.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { ISSUER } from '../support/server.ts'
import { createUpstreamTest, UPSTREAM, type UpstreamTest } from '../support/upstream.ts'

const CALLBACK = '/sign-in/upstream/callback'

describe('attacks on sign-in by an upstream provider (RFC 9700 §4, OpenID Connect Core §3.1.3.7)', () => {
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
    Object.assign(upstream, { userinfo: {}, isAway: false, isCareless: false, signsWithAnotherKey: false })
    upstream.tamper = (token) => token
  })

  /** Where the provider sends somebody back to. */
  const arrive = async (who: Browser) => test.upstream.allow(await test.leave(who))
  async function expectRefused(page: Page, status: number, sentence: string | RegExp): Promise<void> {
    expect([page.status, page.text()]).toEqual([status, expect.stringMatching(sentence)])
    expect(await isSignedIn(browser)).toBe(false)
  }

  it('what is not forged signs in, under a new session', async () => {
    browser.cookies.set('session', 'A'.repeat(43))
    expect((await browser.open((await arrive(browser)).href)).url).toMatch(/\/account$/)
    expect(browser.cookies.get('session')).not.toBe('A'.repeat(43))
    expect(browser.cookies.has('upstream')).toBe(false)
  })

  describe('the way there', () => {
    it('a form from another site leads nowhere (§4.7)', async () => {
      const { csrf: _, ...fields } = Object.fromEntries(
        (await browser.open('/sign-in')).form('/upstream').fields,
      )
      for (const [forged, headers] of [
        [fields, {}],
        [{ ...fields, csrf: 'AAAA' }, {}],
        [Object.fromEntries((await browser.open('/sign-in')).form('/upstream').fields), CROSS_SITE],
      ] as const) {
        const answer = await browser.post('/sign-in/upstream', forged, headers)
        expect([answer.status, answer.leftTo]).toEqual([403, undefined])
      }
    })

    it('it is not there where no provider is configured', async () => {
      const none = await test.server.addNode({ upstream: undefined })
      const other = createBrowser(none)
      expect((await other.open('/sign-in')).html.querySelector('form[action$="/upstream"]')).toBeNull()
      const { fields } = (await other.open('/sign-in')).form('/sign-in')
      expect((await other.post('/sign-in/upstream', Object.fromEntries(fields))).status).toBe(404)
      expect((await other.open(`${CALLBACK}?state=a&code=b`)).status).toBe(404)
    })

    it('every request has a state, a nonce and a challenge of its own (§2.1.1)', async () => {
      const sent = [await test.leave(browser), await test.leave(browser)].map(
        ({ searchParams }) => searchParams,
      )
      for (const name of ['state', 'nonce', 'code_challenge']) {
        expect(new Set(sent.map((parameters) => parameters.get(name))).size).toBe(2)
        expect(sent[0]?.get(name)).toMatch(/^[\w-]{43}$/)
      }
      expect(sent[0]?.get('code_challenge_method')).toBe('S256')
      expect(sent[0]?.get('redirect_uri')).toBe(`${ISSUER}${CALLBACK}`)
    })

    it('a way back to elsewhere is none (§4.11)', async () => {
      const there = await test.leave(browser, '/sign-in?return_to=https://evil.example/')
      expect((await browser.open(test.upstream.allow(there).href)).url).toBe(`${ISSUER}/account`)
    })

    it('nothing is written on it, and what is too long for a cookie is said to be', async () => {
      await test.leave(browser)
      const long = `/sign-in?return_to=${encodeURIComponent(`/authorize?state=${'x'.repeat(4_000)}`)}`
      const page = await browser.submit(await browser.open(long), {}, '/sign-in/upstream')
      await expectRefused(page, 400, 'too long for this way to sign in')
    })
  })

  describe('the way back', () => {
    it('an answer that somebody else’s browser asked for signs nobody in (login CSRF, §4.7)', async () => {
      const attackers = await arrive(createBrowser(test.server))
      await browser.open('/sign-in')
      await expectRefused(await browser.open(attackers.href), 400, 'not begun in this browser')
      await test.leave(browser)
      await expectRefused(await browser.open(attackers.href), 400, 'not begun in this browser')
    })

    it('the cookie of a sign-in is worth nothing in another browser, nor changed', async () => {
      const back = await arrive(browser)
      const stolen = createBrowser(test.server)
      await stolen.open('/sign-in')
      stolen.cookies.set('upstream', browser.cookies.get('upstream') ?? '')
      expect((await stolen.open(back.href)).status).toBe(400)
      const [payload = '', mac] = (browser.cookies.get('upstream') ?? '').split('.')
      const opened = JSON.parse(Buffer.from(payload, 'base64url').toString())
      opened[0].returnTo = '/account?changed'
      browser.cookies.set('upstream', `${Buffer.from(JSON.stringify(opened)).toString('base64url')}.${mac}`)
      await expectRefused(await browser.open(back.href), 400, 'not begun in this browser')
    })

    it('neither the verifier nor the nonce is in the cookie', async () => {
      const { searchParams } = await test.leave(browser)
      const cookie = Buffer.from(browser.cookies.get('upstream')?.split('.')[0] ?? '', 'base64url').toString()
      expect(cookie).toContain(searchParams.get('state'))
      expect(cookie).not.toContain(searchParams.get('nonce'))
    })

    it('somebody else’s code with one’s own state is refused: by PKCE, and without it by the nonce (§4.5)', async () => {
      for (const isCareless of [false, true]) {
        test.upstream.isCareless = isCareless
        const back = await arrive(browser)
        const attackers = await arrive(createBrowser(test.server))
        back.searchParams.set('code', attackers.searchParams.get('code') ?? '')
        const page = await browser.open(back.href)
        await expectRefused(
          page,
          isCareless ? 502 : 401,
          isCareless ? 'cannot be used' : 'has expired, or was used',
        )
      }
    })

    it('an answer signs in once, with whatever cookies, and even if the provider redeems its code again', async () => {
      test.upstream.isCareless = true
      const back = (await arrive(browser)).href
      const before = new Map(browser.cookies)
      await browser.open(back)
      expect(await isSignedIn(browser)).toBe(true)
      const thief = createBrowser(test.server)
      for (const [name, value] of before) thief.cookies.set(name, value)
      const page = await thief.open(back)
      expect([page.status, page.text()]).toEqual([401, expect.stringContaining('was used before')])
      expect(await isSignedIn(thief)).toBe(false)
      expect((await browser.open(back)).status).toBe(400)
    })

    it('it is good for ten minutes', async () => {
      const back = await arrive(browser)
      test.server.clock.advance(601)
      await expectRefused(await browser.open(back.href), 400, 'took too long')
    })

    it('two tabs go side by side', async () => {
      const [one, other] = [await arrive(browser), await arrive(browser)]
      expect((await browser.open(one.href)).url).toMatch(/\/account$/)
      expect((await browser.open(other.href)).url).toMatch(/\/account$/)
    })

    it('a parameter that is there twice is refused', async () => {
      const back = await arrive(browser)
      await expectRefused(await browser.open(`${back.href}&state=x`), 400, 'more than once')
      await expectRefused(await browser.open(`${back.href}&code=x`), 400, 'not an answer of Acme')
    })

    it.each([
      ['of another issuer (mix-up, RFC 9207 §2.4)', 'https://evil.example'],
      ['of none, although the provider says that it always sends one', undefined],
    ])('an answer %s', async (_, iss) => {
      for (const parameter of ['code', 'error']) {
        const back = await arrive(browser)
        if (parameter === 'error') back.searchParams.set('error', 'access_denied')
        back.searchParams.delete('iss')
        if (iss !== undefined) back.searchParams.set('iss', iss)
        await expectRefused(await browser.open(back.href), 400, 'not an answer of Acme')
      }
    })
  })

  describe('a provider', () => {
    it('whose discovery document is another’s is not used', async () => {
      const other = await createUpstreamTest()
      other.upstream.metadata = { issuer: 'https://evil.example' }
      await expect(other.leave(createBrowser(other.server))).rejects.toThrow('cannot be used')
      other.upstream.metadata = { authorization_endpoint: 'javascript:alert(1)' }
      await expect(other.leave(createBrowser(other.server))).rejects.toThrow('cannot be used')
      await other.server.close()
    })

    it('that is away is said to be, with a reference and the way to the others; then it is asked again', async () => {
      const back = await arrive(browser)
      test.upstream.isAway = true
      const page = await browser.open(back.href)
      await expectRefused(page, 503, 'Acme cannot be reached just now')
      expect(page.text()).toContain('Reference')
      expect(page.headers.get('Retry-After')).toBe('10')
      expect(page.html.querySelector('a.button')?.getAttribute('href')).toBe('/sign-in?return_to=%2Faccount')
      test.upstream.isAway = false
      expect((await browser.open((await arrive(browser)).href)).url).toMatch(/\/account$/)

      const cold = await createUpstreamTest()
      cold.upstream.isAway = true
      await expect(cold.leave(createBrowser(cold.server))).rejects.toThrow('cannot be reached')
      cold.upstream.isAway = false
      expect(await cold.leave(createBrowser(cold.server))).toBeDefined()
      await cold.server.close()
    })

    it('is asked for its description and its keys once, for many sign-ins', async () => {
      test.upstream.asked = []
      for (let round = 0; round < 3; round += 1) await test.signIn()
      expect(test.upstream.asked).toEqual(['POST /token', 'POST /token', 'POST /token'])
    })

    it.each([
      ['access_denied', 401, 'You did not sign in at Acme'],
      ['invalid_scope', 401, 'did not let you in \\(invalid_scope\\)'],
      ['<script>alert(1)</script>', 401, 'did not let you in \\(unknown\\)'],
      ['temporarily_unavailable', 503, 'cannot be reached just now'],
    ])('that answers %s', async (error, status, sentence) => {
      const back = await arrive(browser)
      back.searchParams.delete('code')
      back.searchParams.set('error', error)
      back.searchParams.set('error_description', 'Call 555-EVIL to unlock your account')
      const page = await browser.open(back.href)
      await expectRefused(page, status, sentence)
      expect(page.text()).not.toContain('EVIL')
      expect(page.text()).toMatch(/Sign in|sign-in page/)
    })
  })

  it('answers that cannot be redeemed are limited by network; who comes from another one signs in', async () => {
    const attacker = createBrowser(test.server, '192.0.2.7')
    const statuses = new Set<number>()
    for (let round = 0; round <= 50; round += 1) {
      const back = await arrive(attacker)
      back.searchParams.set('code', 'guessed')
      statuses.add((await attacker.open(back.href)).status)
    }
    expect([...statuses]).toEqual([401, 429])
    expect((await attacker.open((await arrive(attacker)).href)).text()).toContain('Too many attempts')
    expect((await browser.open((await arrive(browser)).href)).url).toMatch(/\/account$/)
  })

  it('no secret of all this is in a line of the log', () => {
    const lines = test.server.logLines.join('\n')
    expect(lines).toContain('invalid_grant')
    expect(lines).not.toContain(UPSTREAM.clientSecret)
    for (const secret of [/eyJ[\w-]+\.eyJ/, /code-\d/, /code_verifier/, /[?&](state|code)=/])
      expect(lines).not.toMatch(secret)
  })
})

const CROSS_SITE = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
