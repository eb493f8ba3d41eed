import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Authenticator,
  createAuthenticator,
  type Misbehaviour,
} from '../../../tests/support/authenticator.ts'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  beginCeremony,
  type CreationOptions,
  createPasskeyOwner,
  createStranger,
  type RequestOptions,
  registerPasskey,
  signInByPasskey,
} from '../../../tests/support/passkeys.ts'
import { statement } from '../storage/database.ts'

const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const REFUSALS = statement<{ count: number }>(
  'test_passkey_refusals',
  `select count(*)::int as count from auth_agent.audit_events
   where type = 'sign_in.failed' and user_id = $1 and detail->>'method' = 'passkey'`,
)

let test_: TestContext
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

const enrol = (usesCounter?: boolean) => createPasskeyOwner(test_.context, usesCounter)
const signIn = (authenticator: Authenticator, wrong?: Misbehaviour) =>
  signInByPasskey(test_.context, authenticator, wrong)
const stranger = () => createStranger(test_.context)

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
  const { options } = await beginCeremony<CreationOptions>(browser, 'registration')
  expect(options).toMatchObject({
    rp: { id: 'as.example' },
    user: { id: Buffer.from(user.id).toString('base64url'), name: user.email },
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: [{ id: authenticator.id }],
  })
  const asked = await beginCeremony<RequestOptions>(await stranger(), 'authentication')
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
  const begun = await beginCeremony<RequestOptions>(mine, 'authentication')
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
  const { options, ceremony } = await beginCeremony<RequestOptions>(browser, 'authentication')
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
  const first = await beginCeremony<RequestOptions>(one, 'authentication')
  const second = await beginCeremony<RequestOptions>(other, 'authentication')
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

test('guesses lock nobody out of his passkey, and fill no table: twenty refusals an hour are recorded', async () => {
  const { user, authenticator } = await enrol()
  const guesser = await stranger()
  for (let n = 0; n < 12; n += 1) await guesser.post('/sign-in', { email: user.email, password: 'wrong' })
  expect((await guesser.post('/sign-in', { email: user.email, password: 'wrong' })).status).toBe(429)
  for (let n = 0; n < 30; n += 1) expect((await signIn(authenticator, { wrongKey: true })).status).toBe(401)
  expect((await signIn(authenticator)).status).toBe(200)
  expect(await test_.database.query(REFUSALS, [user.id])).toEqual([{ count: 20 }])
})

test('a ceremony in a frame of another site is refused', async () => {
  const { authenticator, browser } = await enrol()
  expect((await signIn(authenticator, { crossOrigin: true })).status).toBe(400)
  expect((await registerPasskey(browser, createAuthenticator(ISSUER), { crossOrigin: true })).status).toBe(
    400,
  )
})

test('who was disabled does not sign in', async () => {
  const { user, authenticator } = await enrol()
  await test_.database.query(DISABLE, [user.id])
  expect((await signIn(authenticator)).status).toBe(401)
})
