import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { ServerOptions } from '../../server/src/options.ts'
import { statement } from '../../server/src/storage/database.ts'
import { createSignedInBrowser, invite, isSignedIn, waitFor } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  registerClient,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { OWNER, type TestServer } from '../support/server.ts'
import { createUpstreamTest, UPSTREAM, type UpstreamTest } from '../support/upstream.ts'

const ADA = 'ada@acme.example'

let test: UpstreamTest
async function start(overrides: Partial<ServerOptions> = {}): Promise<UpstreamTest> {
  test = await createUpstreamTest(overrides)
  return test
}
afterEach(() => test.server.close())

function query<Row>({ database }: TestServer, text: string): Promise<Row[]> {
  const name = `test_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  return database.database.query(statement<Row>(name, text))
}

describe('who signs in by an upstream provider', () => {
  it('is a new person where sign-up is open, and the same one the next time, whatever his address is by then', async () => {
    const { server, upstream, signIn } = await start({ signUp: ['acme.example'] })
    const browser = createBrowser(server)
    const first = await signIn(browser)
    expect(first.url).toMatch(/\/account$/)
    expect(first.text()).toContain(ADA)
    expect(first.text()).toContain('Connected accounts')
    expect(await isSignedIn(browser)).toBe(true)

    upstream.claims = { sub: 'ada', email: 'countess@elsewhere.example', email_verified: false }
    expect((await signIn()).text()).toContain(ADA)
    expect(
      await query(server, 'select email, email_verified_by from auth_agent.users order by created_at'),
    ).toEqual([
      { email: OWNER.email, email_verified_by: 'operator' },
      { email: ADA, email_verified_by: 'upstream' },
    ])
  })

  it('is the person who has the address already; he keeps his password and is told by mail', async () => {
    const { server, signIn: signInUpstream } = await start()
    const ada = await invite(server, ADA)
    const before = server.mails.length
    expect((await signInUpstream()).text()).toContain(ADA)
    await waitFor(() => server.mails.length > before)
    expect(server.mails.at(-1)).toMatchObject({
      to: ADA,
      subject: expect.stringContaining('Acme was connected'),
    })
    const { account } = await createSignedInBrowser(server, ada)
    expect(account.text()).toContain('Connected accounts')
    const events = await query<{ type: string; detail: object }>(
      server,
      "select type, detail from auth_agent.audit_events where type like 'identity.%' or type = 'address.proved'",
    )
    expect(events).toEqual([{ type: 'identity.connected', detail: { issuer: UPSTREAM.issuer } }])
  })

  it('takes over an account that somebody prepared under his address: its password and sessions end', async () => {
    // Without mail, the link of an invitation goes to whoever asked for it.
    const { server, signIn: signInUpstream } = await start({ mailer: undefined })
    const prepared = await invite(server, ADA)
    const { browser: intruder } = await createSignedInBrowser(server, prepared)
    expect((await signInUpstream()).text()).toContain(ADA)
    expect(await isSignedIn(intruder)).toBe(false)
    const again = createBrowser(server)
    expect((await signIn(again, await again.open('/sign-in'), prepared)).status).toBe(401)
  })

  it('is nobody where sign-up is closed and nobody invited him', async () => {
    const { server, signIn } = await start()
    const browser = createBrowser(server)
    const page = await signIn(browser)
    expect(page.status).toBe(403)
    expect(page.text()).toContain(`There is no account for ${ADA} here`)
    expect(await isSignedIn(browser)).toBe(false)
    expect(await query(server, 'select 1 from auth_agent.identities')).toEqual([])
  })

  it('is nobody whose account was disabled, by his identity or by his address', async () => {
    const { server, upstream, signIn } = await start({ signUp: 'open' })
    await signIn()
    await query(server, "update auth_agent.users set disabled_at = now() where email = 'ada@acme.example'")
    for (const sub of ['ada', 'ada-made-anew']) {
      upstream.claims = { ...upstream.claims, sub }
      expect((await signIn()).text()).toContain(`There is no account for ${ADA} here`)
    }
  })

  it.each([
    ['an address that is not verified', { email_verified: false }, 'has not verified the address'],
    ['one of which nothing is said', { email_verified: undefined }, 'has not verified the address'],
    ['one of another domain', { email: 'ada@elsewhere.example' }, 'cannot vouch for the address'],
    ['none', { email: undefined }, 'does not say which e-mail address is yours'],
  ])(
    'is nobody with %s, and is told the same whether it has an account or not',
    async (_, claims, sentence) => {
      const { server, upstream, signIn } = await start({ signUp: 'open' })
      upstream.claims = { ...upstream.claims, ...claims }
      const before = await signIn()
      await invite(server, ADA)
      await invite(server, 'ada@elsewhere.example')
      const after = await signIn()
      expect(before.text()).toContain(sentence)
      expect([before.status, after.status]).toEqual([403, 403])
      expect(after.text()).toBe(before.text())
      expect(await query(server, 'select 1 from auth_agent.identities')).toEqual([])
    },
  )

  it('is known by userinfo where the id token has no address', async () => {
    const { upstream, signIn } = await start({ signUp: 'open' })
    upstream.claims = { sub: 'ada' }
    upstream.userinfo = { email: ADA, email_verified: true }
    expect((await signIn()).text()).toContain(ADA)
  })

  it('may have any verified address where the directory is the operator’s own', async () => {
    const { upstream, signIn } = await start({
      signUp: 'open',
      upstream: { ...UPSTREAM, emailDomains: 'all' },
    })
    upstream.claims = { ...upstream.claims, email: 'guest@elsewhere.example' }
    expect((await signIn()).text()).toContain('guest@elsewhere.example')
  })

  it('goes on to the app, whose id token says when the provider asked him', async () => {
    const { server, upstream, signIn } = await start({ signUp: 'open' })
    await registerServer(server, { access: 'everyone' })
    const clientId = await registerClient(server)
    const pkce = createPkce()
    const authTime = server.clock.now / 1000 - 7_200
    upstream.claims = { ...upstream.claims, auth_time: authTime, amr: ['pwd', 'mfa'] }
    const browser = createBrowser(server)
    const consent = await signIn(browser, authorizeUrl(clientId, pkce, { scope: 'openid files:read' }))
    const { leftTo } = await browser.submit(consent, { decision: 'approve' }, '/consent')
    const { body } = await requestToken(server, {
      grant_type: 'authorization_code',
      client_id: clientId,
      code: leftTo?.searchParams.get('code') ?? '',
      code_verifier: pkce.verifier,
    })
    expect(claimsOf(body['id_token'])['auth_time']).toBe(authTime)
    expect(await query(server, 'select amr from auth_agent.sessions')).toEqual([{ amr: ['pwd', 'mfa'] }])
  })

  it('may disconnect it, and connects it again by signing in', async () => {
    const { server, signIn } = await start({ signUp: 'open' })
    const browser = createBrowser(server)
    const after = await browser.submit(await signIn(browser), {}, '/account/identities/remove')
    expect(after.text()).toContain('does not open your account any more')
    expect(await query(server, 'select 1 from auth_agent.identities')).toEqual([])
    expect((await signIn(browser, '/sign-in?switch=1')).text()).toContain('Connected accounts')
  })

  it('may not disconnect his only way in', async () => {
    const { server, signIn } = await start({ signUp: 'open', mailer: undefined })
    const browser = createBrowser(server)
    const after = await browser.submit(await signIn(browser), {}, '/account/identities/remove')
    expect(after.status).toBe(400)
    expect(after.text()).toContain('only way to sign in')
  })
})

describe('an app that wants the person asked anew (OpenID Connect Core §3.1.2.1)', () => {
  const parameters = { scope: 'openid files:read' }

  it.each([
    ['prompt=login', { prompt: 'login' }],
    ['max_age', { max_age: '60' }],
  ])('%s: the provider is told so, and has to say that it did', async (_, wish) => {
    const { server, upstream, leave, signIn } = await start({ signUp: 'open' })
    await registerServer(server, { access: 'everyone' })
    const url = authorizeUrl(await registerClient(server), createPkce(), { ...parameters, ...wish })
    const sentTo = await leave(createBrowser(server), url)
    expect(Object.fromEntries(sentTo.searchParams)).toMatchObject({ prompt: 'login', max_age: '0' })

    for (const auth_time of [undefined, server.clock.now / 1000 - 3_600]) {
      upstream.claims = { ...upstream.claims, auth_time }
      const page = await signIn(createBrowser(server), url)
      expect(page.status).toBe(401)
      expect(page.text()).toContain('Acme does not say that you did')
    }
    upstream.claims = { ...upstream.claims, auth_time: server.clock.now / 1000 }
    const consent = await signIn(createBrowser(server), url)
    expect(consent.html.querySelector('form[action$="/consent"]')).toBeTruthy()
  })

  it('who switches accounts is asked which; a provider is sent no prompt that it does not list', async () => {
    const { server, leave } = await start()
    const sentTo = await leave(createBrowser(server), '/sign-in?switch=1')
    expect(sentTo.searchParams.get('prompt')).toBe('select_account')
    await test.server.close()
    const other = await createUpstreamTest()
    other.upstream.metadata = { prompt_values_supported: ['none', 'login', 'consent'] }
    const again = await other.leave(createBrowser(other.server), '/sign-in?switch=1')
    expect(again.searchParams.get('prompt')).toBe('login')
    test = other
  })

  it('hands on the address that the app expects', async () => {
    const { server, leave } = await start()
    const sentTo = await leave(createBrowser(server), `/sign-in?login_hint=${encodeURIComponent(ADA)}`)
    expect(sentTo.searchParams.get('login_hint')).toBe(ADA)
    expect(sentTo.searchParams.get('prompt')).toBeNull()
  })
})

function claimsOf(idToken: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(idToken).split('.')[1] ?? '', 'base64url').toString())
}
