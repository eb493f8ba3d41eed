import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Authenticator,
  createAuthenticator,
  type Misbehaviour,
} from '../../../tests/support/authenticator.ts'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  type TestBrowser,
} from '../../../tests/support/people.ts'
import { statement } from '../storage/database.ts'

const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const COUNTERS = statement<{ count: number }>(
  'test_count_counters',
  'select count(*)::int as count from auth_agent.attempt_counters',
)

let test_: TestContext
let count = 0
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

type Begun<Options> = { options: Options; ceremony: string }
type CreationOptions = Parameters<Authenticator['create']>[0] & Record<string, unknown>
type RequestOptions = Parameters<Authenticator['get']>[0] & Record<string, unknown>

async function begin<Options>(
  browser: TestBrowser,
  kind: 'registration' | 'authentication',
): Promise<Begun<Options>> {
  const { status, text } = await browser.postJson(`/passkeys/${kind}/options`, {})
  expect(status).toBe(200)
  return JSON.parse(text)
}

async function register(browser: TestBrowser, authenticator: Authenticator, wrong?: Misbehaviour) {
  const { options, ceremony } = await begin<CreationOptions>(browser, 'registration')
  const response = authenticator.create(options, wrong)
  return browser.postJson('/passkeys/registration', { ceremony, response, name: 'My laptop' })
}

async function stranger(): Promise<TestBrowser> {
  const browser = createTestBrowser(test_.context)
  await browser.get('/sign-in')
  return browser
}

async function signIn(authenticator: Authenticator, wrong?: Misbehaviour) {
  const browser = await stranger()
  const { options, ceremony } = await begin<RequestOptions>(browser, 'authentication')
  const response = authenticator.get(options, wrong)
  const answer = await browser.postJson('/passkeys/authentication', {
    ceremony,
    response,
    return_to: '/device',
  })
  return { browser, ceremony, response, ...answer }
}

/** Somebody with one passkey. */
async function enrol(usesCounter = true) {
  count += 1
  const email = `person${count}@example.com`
  const user = await createAccount(test_.context, email)
  const browser = await createSignedInBrowser(test_.context, email)
  const authenticator = createAuthenticator(ISSUER, usesCounter)
  const answer = await register(browser, authenticator)
  expect(answer).toMatchObject({ status: 200, text: '{"ok":true}' })
  return { user, browser, authenticator }
}

test('a passkey is registered, and signs in', async () => {
  const { user, authenticator, browser } = await enrol()
  const [stored] = await test_.context.storage.listPasskeys(user.id)
  expect(stored).toMatchObject({
    passkey_id: authenticator.id,
    name: 'My laptop',
    passkey_transports: ['internal'],
  })
  const answer = await signIn(authenticator)
  expect(JSON.parse(answer.text)).toEqual({ redirect_to: `${ISSUER}/device` })
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect((await answer.browser.get('/account')).text).toContain(user.email)
  expect((await browser.get('/account')).text).toContain('My laptop')
})

test('what is asked of the browser', async () => {
  const { user, browser, authenticator } = await enrol()
  const { options } = await begin<CreationOptions>(browser, 'registration')
  expect(options).toMatchObject({
    rp: { id: 'as.example' },
    user: { id: Buffer.from(user.id).toString('base64url'), name: user.email },
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: [{ id: authenticator.id }],
  })
  const asked = await begin<RequestOptions>(await stranger(), 'authentication')
  expect(asked.options).toMatchObject({ rpId: 'as.example', userVerification: 'required' })
  // It names nobody's passkeys, so it tells nothing about accounts.
  expect(asked.options['allowCredentials'] ?? []).toEqual([])
})

test.each<[string, Misbehaviour]>([
  ['another origin', { origin: 'https://evil.example' }],
  ['a subdomain', { origin: 'https://sub.as.example' }],
  ['another port', { origin: 'https://as.example:8443' }],
  ['http', { origin: 'http://as.example' }],
  ['another relying party', { rpId: 'evil.example' }],
  ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
  ['the type of a registration', { type: 'webauthn.create' }],
  ['a person who was not verified', { userVerified: false }],
  ['a person who was not there', { userPresent: false }],
  ['a counter that goes back', { counter: 1 }],
  ['the wrong key', { wrongKey: true }],
  ["another person's handle", { userHandle: Buffer.from('usr_other').toString('base64url') }],
])('%s does not sign in', async (_name, wrong) => {
  const { authenticator } = await enrol()
  expect((await signIn(authenticator)).status).toBe(200)
  const refused = await signIn(authenticator, wrong)
  expect(refused.status).toBe(401)
  expect(JSON.parse(refused.text)).toEqual({
    error: 'access_denied',
    error_description: 'This passkey does not open an account here.',
  })
  expect(refused.browser.cookies.has('__Host-session')).toBe(false)
})

test('an unknown passkey gets the same answer as a wrong one', async () => {
  const unknown = createAuthenticator(ISSUER)
  unknown.create({ challenge: 'x', rp: {}, user: { id: 'dXNyX3g' } })
  const { authenticator } = await enrol()
  const [one, other] = [await signIn(unknown), await signIn(authenticator, { wrongKey: true })]
  expect([one.status, one.text]).toEqual([other.status, other.text])
})

test('a passkey that is synchronised has no counter', async () => {
  const { authenticator } = await enrol(false)
  expect((await signIn(authenticator)).status).toBe(200)
  expect((await signIn(authenticator)).status).toBe(200)
})

test('a response is good once, for its own browser, for five minutes (replay)', async () => {
  const { authenticator } = await enrol(false)
  const { browser, ceremony, response } = await signIn(authenticator)
  const body = { ceremony, response }
  await browser.get('/sign-in?switch=1')
  expect((await browser.postJson('/passkeys/authentication', body)).status).toBe(400)

  const mine = await stranger()
  const begun = await begin<RequestOptions>(mine, 'authentication')
  const fresh = { ceremony: begun.ceremony, response: authenticator.get(begun.options) }
  expect((await (await stranger()).postJson('/passkeys/authentication', fresh)).status).toBe(400)
  test_.clock.advance(300_000)
  expect((await mine.postJson('/passkeys/authentication', fresh)).status).toBe(400)
  test_.clock.advance(-300_000)
  expect((await mine.postJson('/passkeys/authentication', fresh)).status).toBe(200)
})

test('50 parallel uses of one response start one session', async () => {
  const { user, authenticator } = await enrol(false)
  const browser = await stranger()
  const { options, ceremony } = await begin<RequestOptions>(browser, 'authentication')
  const body = { ceremony, response: authenticator.get(options) }
  const before = await test_.context.storage.listSessions(user.id, new Date(test_.clock.now))
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => browser.postJson('/passkeys/authentication', body)),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  const after = await test_.context.storage.listSessions(user.id, new Date(test_.clock.now))
  expect(after).toHaveLength(before.length + 1)
})

test('two uses of one counter, each in a ceremony of its own: a copy is found out', async () => {
  const { authenticator } = await enrol()
  const [one, other] = [await stranger(), await stranger()]
  const first = await begin<RequestOptions>(one, 'authentication')
  const second = await begin<RequestOptions>(other, 'authentication')
  const bodies = [
    { ceremony: first.ceremony, response: authenticator.get(first.options, { counter: 7 }) },
    { ceremony: second.ceremony, response: authenticator.get(second.options, { counter: 7 }) },
  ]
  const answers = await Promise.all([
    one.postJson('/passkeys/authentication', bodies[0]),
    other.postJson('/passkeys/authentication', bodies[1]),
  ])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401])
})

test('guesses at passwords lock nobody out of his passkey, and passkeys are counted nowhere', async () => {
  const { user, authenticator } = await enrol()
  const guesser = await stranger()
  for (let n = 0; n < 12; n += 1) await guesser.post('/sign-in', { email: user.email, password: 'wrong' })
  expect((await guesser.post('/sign-in', { email: user.email, password: 'wrong' })).status).toBe(429)
  const [before] = await test_.database.query(COUNTERS)
  for (let n = 0; n < 30; n += 1) expect((await signIn(authenticator, { wrongKey: true })).status).toBe(401)
  expect((await signIn(authenticator)).status).toBe(200)
  expect(await test_.database.query(COUNTERS)).toEqual([before])
})

test('a ceremony in a frame of another site is refused', async () => {
  const { authenticator, browser } = await enrol()
  expect((await signIn(authenticator, { crossOrigin: true })).status).toBe(400)
  expect((await register(browser, createAuthenticator(ISSUER), { crossOrigin: true })).status).toBe(400)
})

test('who was disabled does not sign in', async () => {
  const { user, authenticator } = await enrol()
  await test_.database.query(DISABLE, [user.id])
  expect((await signIn(authenticator)).status).toBe(401)
})

test.each<[string, Misbehaviour]>([
  ['another origin', { origin: 'https://evil.example' }],
  ['another relying party', { rpId: 'evil.example' }],
  ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
  ['the type of a sign-in', { type: 'webauthn.get' }],
  ['a person who was not verified', { userVerified: false }],
])('%s registers nothing', async (_name, wrong) => {
  const { browser, user } = await enrol()
  expect((await register(browser, createAuthenticator(ISSUER), wrong)).status).toBe(400)
  expect(await test_.context.storage.listPasskeys(user.id)).toHaveLength(1)
})

test('an attestation that nobody asked for is not looked at, nor are the lists that it names fetched', async () => {
  const { browser } = await enrol()
  const attestation = {
    fmt: 'packed',
    attStmt: new Map<string, unknown>([
      ['alg', -7],
      ['sig', new Uint8Array(8)],
    ]),
  }
  expect((await register(browser, createAuthenticator(ISSUER), { attestation })).status).toBe(200)
})

test('a passkey is registered once, and a registration used once', async () => {
  const { browser, authenticator } = await enrol()
  expect((await register(browser, authenticator)).status).toBe(409)
  const { options, ceremony } = await begin<CreationOptions>(browser, 'registration')
  const body = { ceremony, response: createAuthenticator(ISSUER).create(options), name: '' }
  expect((await browser.postJson('/passkeys/registration', body)).status).toBe(200)
  expect((await browser.postJson('/passkeys/registration', body)).status).toBe(400)
})

test('a ceremony is for its own kind and its own person', async () => {
  const { browser, authenticator } = await enrol()
  const registration = await begin<CreationOptions>(browser, 'registration')
  const body = { ceremony: registration.ceremony, response: authenticator.get(registration.options) }
  expect((await browser.postJson('/passkeys/authentication', body)).status).toBe(400)
  for (const ceremony of [
    '',
    '.',
    'e30.',
    `${registration.ceremony}x`,
    registration.ceremony.replace('.', ''),
  ]) {
    expect((await browser.postJson('/passkeys/authentication', { ...body, ceremony })).status).toBe(400)
  }

  const { email } = await createAccount(test_.context, 'somebody.else@example.com')
  await browser.get('/sign-in?switch=1')
  await browser.post('/sign-in', { email, password: 'correct horse battery staple' })
  await browser.get('/account')
  const response = createAuthenticator(ISSUER).create(registration.options)
  const late = { ceremony: registration.ceremony, response, name: 'x' }
  expect((await browser.postJson('/passkeys/registration', late)).status).toBe(400)
})

test('registration needs somebody who signed in within the last quarter of an hour', async () => {
  expect((await (await stranger()).postJson('/passkeys/registration/options', {})).status).toBe(401)
  const { browser } = await enrol()
  test_.clock.advance(16 * 60_000)
  const stale = await browser.postJson('/passkeys/registration/options', {})
  expect(stale.status).toBe(403)
  expect(JSON.parse(stale.text).error).toBe('login_required')
})

test('a call without the token of a page is refused (CSRF)', async () => {
  const { browser } = await enrol()
  browser.csrf = ''
  for (const path of ['authentication/options', 'authentication', 'registration/options', 'registration']) {
    expect((await browser.postJson(`/passkeys/${path}`, {})).status, path).toBe(403)
  }
})

test('rubbish is a bad request, and never a 500', async () => {
  const { browser, authenticator } = await enrol()
  const { options, ceremony } = await begin<CreationOptions>(browser, 'registration')
  const good = authenticator.create(options) as { response: object }
  const responses: unknown[] = [
    null,
    [],
    'x',
    {},
    { ...good, id: 'x"' },
    { ...good, rawId: 'b3RoZXI' },
    { ...good, type: 'password' },
    { ...good, response: {} },
    { ...good, response: { ...good.response, clientDataJSON: 'AAAA' } },
    { ...good, response: { ...good.response, clientDataJSON: 'bnVsbA' } },
    { ...good, response: { ...good.response, attestationObject: 'AAAA' } },
    { ...good, response: { ...good.response, attestationObject: 'oA' } },
    { ...good, response: { ...good.response, attestationObject: 'A'.repeat(30_000) } },
  ]
  for (const response of responses) {
    const body = { ceremony, response, name: 5 }
    expect((await browser.postJson('/passkeys/registration', body)).status, JSON.stringify(response)).toBe(
      400,
    )
    const status = (await browser.postJson('/passkeys/authentication', body)).status
    expect([400, 401], JSON.stringify(response)).toContain(status)
  }
  const asked = await begin<RequestOptions>(browser, 'authentication')
  const assertion = authenticator.get(asked.options) as { response: object }
  for (const part of ['clientDataJSON', 'authenticatorData', 'signature', 'userHandle']) {
    for (const value of ['AAAA', 'bnVsbA', 'x'.repeat(30_000), '', null, 7]) {
      const response = { ...assertion, response: { ...assertion.response, [part]: value } }
      const answer = await browser.postJson('/passkeys/authentication', {
        ceremony: asked.ceremony,
        response,
      })
      expect([400, 401], `${part} ${value}`).toContain(answer.status)
    }
  }
})
