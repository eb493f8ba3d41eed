import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
  settle,
  type TestBrowser,
} from '../../../tests/support/people.ts'
import { storeUserAuthorization } from '../../../tests/support/user_authorization.ts'
import { clientDigest } from '../clients/client.ts'

const NEW = 'a new password that is long'
const FORMS = [
  '/account/authorizations/revoke',
  '/account/sessions/revoke',
  '/account/passkeys/remove',
  '/account/identities/remove',
  '/account/password',
]

let test_: TestContext
let count = 0
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

async function person(): Promise<{ user: { id: string; email: string }; browser: TestBrowser }> {
  count += 1
  const user = await createAccount(test_.context, `person${count}@example.com`)
  return { user, browser: await createSignedInBrowser(test_.context, user.email) }
}

async function addPasskey(userId: string): Promise<string> {
  count += 1
  const id = `crd_${count}`
  const passkey = {
    id,
    user_id: userId,
    passkey_id: `passkey-${count}`,
    passkey_public_key: Buffer.alloc(8),
    passkey_counter: 0,
    passkey_transports: [],
    name: '<b>Laptop</b>',
  }
  await test_.context.storage.addPasskey(passkey, new Date(test_.clock.now))
  return id
}

async function grant(
  userId: string,
  change: { server_id?: string; scopes?: string[]; identity?: string[] } = {},
): Promise<string> {
  count += 1
  const clientId = `app_${count}`
  const now = new Date(test_.clock.now)
  const client_digest = clientDigest(clientId)
  await test_.context.storage.storeClient(
    {
      digest: client_digest,
      client_id: clientId,
      organization_id: 'org_root',
      source: 'registered',
      metadata: { client_name: `App ${count}` },
      secret_digest: null,
    },
    now,
  )
  const id = `aut_${count}`
  await storeUserAuthorization(
    test_.database,
    {
      id,
      organization_id: 'org_root',
      user_id: userId,
      client_digest,
      server_id: null,
      redirect_origin: 'https://app.example',
      metadata_digest: Buffer.alloc(32),
      scopes: ['openid'],
      identity: [],
      ...change,
    },
    now,
  )
  return id
}

async function sessionsOf(userId: string) {
  return test_.context.storage.listSessions(userId, new Date(test_.clock.now))
}

test('who is not signed in signs in first', async () => {
  const browser = createTestBrowser(test_.context)
  expect((await browser.get('/account')).location).toBe(`${ISSUER}/sign-in?return_to=%2Faccount`)
  await browser.get('/sign-in')
  for (const path of FORMS) expect((await browser.post(path, { id: 'x' })).location).toContain('/sign-in?')
})

test('it shows what was granted, the sessions and the passkeys', async () => {
  const { user, browser } = await person()
  await addPasskey(user.id)
  await grant(user.id)
  const { text, headers } = await browser.get('/account')
  expect(text).toContain(user.email)
  expect(text).toContain(`App ${count}`)
  expect(text).toContain('&lt;b&gt;Laptop&lt;/b&gt;')
  expect(headers.get('Cache-Control')).toBe('no-store')
  expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
})

test('it says in words what was granted, and what the server sees', async () => {
  const { user, browser } = await person()
  const now = new Date(test_.clock.now)
  const server = {
    id: 'srv_words',
    organization_id: 'org_root',
    server_url: 'https://words.example/mcp',
    canonical_url: 'https://words.example/mcp',
    canonical_origin: 'https://words.example',
    server_name: 'Words',
    description: null,
    logo_url: null,
    scopes: [{ name: 'words:read', description: 'Read your words' }, { name: 'words:count' }],
    identity: ['email'],
    access_mode: 'members' as const,
    access_emails: [],
    access_domains: [],
    created_at: now,
    updated_at: now,
  }
  await test_.context.storage.createServer(server)
  await grant(user.id, { server_id: server.id, scopes: ['words:count', 'words:read'], identity: ['email'] })
  await grant(user.id)
  const { text } = await browser.get('/account')
  const words = text.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
  expect(words).toContain('words:count Read your words words:read The server sees your e-mail address.')
  expect(words).toContain('Know that it is you openid')
  expect(words.match(/The server sees/g)).toHaveLength(1)
})

test('a notice is one of ours, whatever the query says', async () => {
  const { browser } = await person()
  expect((await browser.get('/account?notice=revoked')).text).toMatch(
    /notice success.*The access has ended\./,
  )
  for (const notice of ['Send+your+password+to+evil.example', 'toString', '__proto__', 'constructor']) {
    const { status, text } = await browser.get(`/account?notice=${notice}`)
    expect(status).toBe(200)
    expect(text).not.toContain('notice success')
  }
})

test('a grant is revoked by who gave it, and by nobody else', async () => {
  const { user, browser } = await person()
  const other = await person()
  const id = await grant(user.id)
  await other.browser.post('/account/authorizations/revoke', { id })
  expect(await test_.context.storage.listUserAuthorizations(user.id)).toHaveLength(1)
  const answer = await browser.post('/account/authorizations/revoke', { id })
  expect(answer.location).toBe(`${ISSUER}/account?notice=revoked`)
  expect(await test_.context.storage.listUserAuthorizations(user.id)).toEqual([])
})

test('a session is ended by its own person, and by nobody else', async () => {
  const { user, browser } = await person()
  const elsewhere = await createSignedInBrowser(test_.context, user.email)
  const other = await person()
  for (const { id } of await sessionsOf(user.id)) await other.browser.post('/account/sessions/revoke', { id })
  expect(await sessionsOf(user.id)).toHaveLength(2)

  const page = await browser.get('/account')
  const ids = [...page.text.matchAll(/name="id" value="(ses_\w+)"/g)].map((match) => match[1] ?? '')
  for (const id of ids) await browser.post('/account/sessions/revoke', { id })
  expect((await elsewhere.get('/account')).status).toBe(303)
})

test('ending this very session signs out here', async () => {
  const { user, browser } = await person()
  const [own] = await sessionsOf(user.id)
  const answer = await browser.post('/account/sessions/revoke', { id: own?.id ?? '' })
  expect(answer.location).toContain('/sign-in')
  expect(browser.cookies.has('__Host-session')).toBe(false)
})

test('a passkey is removed by its own person, and by nobody else', async () => {
  const { user, browser } = await person()
  const other = await person()
  const id = await addPasskey(user.id)
  await other.browser.post('/account/passkeys/remove', { id })
  expect(await test_.context.storage.listPasskeys(user.id)).toHaveLength(1)
  await browser.post('/account/passkeys/remove', { id })
  expect(await test_.context.storage.listPasskeys(user.id)).toEqual([])
})

test('the last way in stays', async () => {
  const { user, browser } = await person()
  await test_.context.storage.removeCredentials(user.id)
  const id = await addPasskey(user.id)
  const lonely = createTestBrowser({ ...test_.context, mailer: undefined })
  for (const [name, value] of browser.cookies) lonely.cookies.set(name, value)
  await lonely.get('/account')
  const refused = await lonely.post('/account/passkeys/remove', { id })
  expect(refused.status).toBe(400)
  expect(refused.text).toContain('only way to sign in')
  // Where mail can leave, a code is another way.
  expect((await browser.post('/account/passkeys/remove', { id })).status).toBe(303)
})

test('a connected account is removed by its own person, and by nobody else', async () => {
  const { user, browser } = await person()
  const other = await person()
  const identity = { issuer: 'https://login.example', subject: user.id, user_id: user.id }
  await test_.context.storage.addIdentity(identity, new Date(test_.clock.now))
  expect((await browser.get('/account')).text).toContain('login.example')
  const id = `https://login.example ${user.id}`
  await other.browser.post('/account/identities/remove', { id })
  expect(await test_.context.storage.listIdentities(user.id)).toHaveLength(1)
  await browser.post('/account/identities/remove', { id })
  expect(await test_.context.storage.listIdentities(user.id)).toEqual([])
})

test('the password is changed by who knows it; other sessions end, this one stays', async () => {
  const { user, browser } = await person()
  const elsewhere = await createSignedInBrowser(test_.context, user.email)
  const fields = { current_password: PASSWORD, new_password: NEW }
  const answer = await browser.post('/account/password', fields)
  expect(answer.location).toBe(`${ISSUER}/account?notice=password_changed`)
  expect((await browser.get('/account')).status).toBe(200)
  expect((await elsewhere.get('/account')).status).toBe(303)
  await createSignedInBrowser(test_.context, user.email, NEW)
  await settle()
  expect(test_.mails.at(-1)).toMatchObject({
    to: user.email,
    subject: 'Your password was changed at as.example',
  })
})

test('a wrong, a missing and a weak password change nothing', async () => {
  const { user, browser } = await person()
  for (const [fields, words] of [
    [{ current_password: 'wrong', new_password: NEW }, 'not your current password'],
    [{ new_password: NEW }, 'current password, too'],
    [{ current_password: PASSWORD, new_password: 'short' }, 'at least 12'],
    [{ current_password: PASSWORD }, 'at least 12'],
  ] as const) {
    const refused = await browser.post('/account/password', { ...fields })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain(words)
  }
  await createSignedInBrowser(test_.context, user.email, PASSWORD)
})

test('guesses at the current password are limited too', async () => {
  const { browser } = await person()
  const statuses = []
  for (let n = 0; n < 12; n += 1) {
    const fields = { current_password: 'wrong', new_password: NEW }
    statuses.push((await browser.post('/account/password', fields)).status)
  }
  expect(statuses.filter((status) => status === 400)).toHaveLength(10)
  expect(statuses.at(-1)).toBe(429)
})

test('a first password needs a sign-in of the last quarter of an hour', async () => {
  const { user, browser } = await person()
  await test_.context.storage.removeCredentials(user.id)
  test_.clock.advance(16 * 60_000)
  expect((await browser.post('/account/password', { new_password: NEW })).status).toBe(403)
  test_.clock.advance(-16 * 60_000)
  expect((await browser.post('/account/password', { new_password: NEW })).status).toBe(303)
  await createSignedInBrowser(test_.context, user.email, NEW)
})

test('a form without its token, or from elsewhere, does nothing (CSRF)', async () => {
  const { browser } = await person()
  for (const path of FORMS) {
    expect((await browser.post(path, { id: 'x', csrf: '' })).status).toBe(403)
    expect((await browser.post(path, { id: 'x' }, { Origin: 'https://evil.example' })).status).toBe(403)
  }
})

test('an id that is missing, given to nothing, or rubbish is no fault of ours', async () => {
  const { browser } = await person()
  for (const path of FORMS.slice(0, 3)) {
    expect((await browser.post(path, {})).status).toBe(400)
    for (const id of ['x', "' or 1=1 --", 'ses_'.repeat(2000)]) {
      expect((await browser.post(path, { id })).status).toBe(303)
    }
  }
})
