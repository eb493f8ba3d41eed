import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthenticator, type Misbehaviour } from '../../../tests/support/authenticator.ts'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  beginCeremony,
  type CreationOptions,
  createPasskeyOwner,
  createStranger,
  type RequestOptions,
  registerPasskey,
} from '../../../tests/support/passkeys.ts'
import { createAccount } from '../../../tests/support/people.ts'

let test_: TestContext
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

const enrol = (usesCounter?: boolean) => createPasskeyOwner(test_.context, usesCounter)
const stranger = () => createStranger(test_.context)

test.each<[string, Misbehaviour]>([
  ['another origin', { origin: 'https://evil.example' }],
  ['another relying party', { rpId: 'evil.example' }],
  ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
  ['the type of a sign-in', { type: 'webauthn.get' }],
  ['a person who was not verified', { userVerified: false }],
])('%s registers nothing', async (_name, wrong) => {
  const { browser, user } = await enrol()
  expect((await registerPasskey(browser, createAuthenticator(ISSUER), wrong)).status).toBe(400)
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
  expect((await registerPasskey(browser, createAuthenticator(ISSUER), { attestation })).status).toBe(200)
})

test('a passkey is registered once, and a registration used once', async () => {
  const { browser, authenticator } = await enrol()
  expect((await registerPasskey(browser, authenticator)).status).toBe(409)
  const { options, ceremony } = await beginCeremony<CreationOptions>(browser, 'registration')
  const body = { ceremony, response: createAuthenticator(ISSUER).create(options), name: '' }
  expect((await browser.postJson('/passkeys/registration', body)).status).toBe(200)
  expect((await browser.postJson('/passkeys/registration', body)).status).toBe(400)
})

test('a ceremony is for its own kind and its own person', async () => {
  const { browser, authenticator } = await enrol()
  const registration = await beginCeremony<CreationOptions>(browser, 'registration')
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
  const { options, ceremony } = await beginCeremony<CreationOptions>(browser, 'registration')
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
  const asked = await beginCeremony<RequestOptions>(browser, 'authentication')
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
