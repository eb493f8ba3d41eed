import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { type CountingDatabase, countStatements } from '../../../tests/support/counting_database.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
  settle,
} from '../../../tests/support/people.ts'
import { statement } from '../storage/database.ts'

const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const LINKS = statement<{ row: string }>(
  'test_links',
  'select l::text as row from auth_agent.one_time_links l',
)
const FORGET_BUDGETS = statement('test_forget_budgets', 'delete from auth_agent.attempt_counters')
const NEW = 'a new password that is long'

let test_: TestContext
let counting: CountingDatabase
beforeAll(async () => {
  test_ = await createTestContext({
    wrapDatabase(database) {
      counting = countStatements(database)
      return counting.database
    },
  })
})
afterAll(() => test_.close())
afterEach(async () => {
  await settle()
  test_.mails.length = 0
  await test_.database.query(FORGET_BUDGETS)
})

/** Asks for a link, and opens the one that came. */
async function follow(email: string) {
  const browser = createTestBrowser(test_.context)
  await browser.get('/password-reset')
  expect((await browser.post('/password-reset', { email })).status).toBe(200)
  await settle()
  const mail = test_.mails.findLast((one) => one.to === email)
  const token = /token=([\w-]{43})/.exec(mail?.text ?? '')?.[1] ?? ''
  const page = await browser.get(`/password-reset/new?token=${token}`)
  return { browser, token, page }
}

test('the link from the mail sets the password, signs in here, and signs out everywhere else', async () => {
  const { id } = await createAccount(test_.context, 'ann@example.com')
  const elsewhere = await createSignedInBrowser(test_.context, 'ann@example.com')
  const { browser, token, page } = await follow('ann@example.com')
  expect(page.status).toBe(200)
  const answer = await browser.post('/password-reset/new', { token, password: NEW })
  expect(answer.location).toBe(`${ISSUER}/account?notice=password_changed`)
  expect((await browser.get('/account?notice=password_changed')).text).toContain('Your password is changed')
  expect((await elsewhere.get('/account')).status).toBe(303)
  expect(await test_.context.storage.listSessions(id, new Date(test_.clock.now))).toHaveLength(1)
  await createSignedInBrowser(test_.context, 'ann@example.com', NEW)
  await elsewhere.get('/sign-in')
  expect((await elsewhere.post('/sign-in', { email: 'ann@example.com', password: PASSWORD })).status).toBe(
    401,
  )
  await settle()
  expect(test_.mails.at(-1)?.subject).toBe('Your password was changed at as.example')
})

test('it works once, and uses up every other link of the person', async () => {
  await createAccount(test_.context, 'bob@example.com')
  const first = await follow('bob@example.com')
  const second = await follow('bob@example.com')
  await second.browser.post('/password-reset/new', { token: second.token, password: NEW })
  for (const { browser, token } of [first, second]) {
    await browser.get('/password-reset')
    expect((await browser.get(`/password-reset/new?token=${token}`)).status).toBe(404)
    expect((await browser.post('/password-reset/new', { token, password: NEW })).status).toBe(404)
  }
})

test('of 50 parallel uses one succeeds', async () => {
  await createAccount(test_.context, 'carl@example.com')
  const { browser, token } = await follow('carl@example.com')
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => browser.post('/password-reset/new', { token, password: NEW })),
  )
  expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
})

test('it is good for an hour, and not for who was disabled meanwhile', async () => {
  const { id } = await createAccount(test_.context, 'dora@example.com')
  const old = await follow('dora@example.com')
  test_.clock.advance(3_600_000)
  expect((await old.browser.post('/password-reset/new', { token: old.token, password: NEW })).status).toBe(
    404,
  )
  const fresh = await follow('dora@example.com')
  await test_.database.query(DISABLE, [id])
  expect(
    (await fresh.browser.post('/password-reset/new', { token: fresh.token, password: NEW })).status,
  ).toBe(404)
})

test('a weak password uses nothing up', async () => {
  await createAccount(test_.context, 'emil@example.com')
  const { browser, token } = await follow('emil@example.com')
  const refused = await browser.post('/password-reset/new', { token, password: 'emil@example.com' })
  expect(refused.status).toBe(400)
  expect(refused.text).toContain('must not be your e-mail address')
  expect((await browser.post('/password-reset/new', { token, password: NEW })).status).toBe(303)
})

test('the answer, and the work, are the same whether there is an account or not (enumeration)', async () => {
  await createAccount(test_.context, 'there@example.com')
  const seen = []
  for (const email of ['there@example.com', 'absent@example.com']) {
    const browser = createTestBrowser(test_.context)
    await browser.get('/password-reset')
    counting.take()
    const { status, text } = await browser.post('/password-reset', { email })
    await settle()
    const shown = text.replaceAll(email, '<email>').replaceAll(browser.csrf, '<csrf>')
    seen.push({ status, shown, statements: counting.take() })
  }
  expect(seen[1]).toEqual(seen[0])
  expect(test_.mails.map(({ to }) => to)).toEqual(['there@example.com'])
})

test('the link proves the address: what was set before is gone', async () => {
  const { id } = await createAccount(test_.context, 'prepared@example.com', { by: 'administrator' })
  await test_.context.storage.addPasskey(
    {
      id: 'crd_attacker',
      user_id: id,
      passkey_id: 'attackers-passkey',
      passkey_public_key: Buffer.alloc(8),
      passkey_counter: 0,
      passkey_transports: [],
      name: 'x',
    },
    new Date(test_.clock.now),
  )
  const { browser, token } = await follow('prepared@example.com')
  expect((await browser.post('/password-reset/new', { token, password: NEW })).status).toBe(303)
  expect(await test_.context.storage.listPasskeys(id)).toEqual([])
  expect((await test_.context.storage.findUser(id))?.email_verified_by).toBe('mail')
})

test('no token, a wrong one, and a form from elsewhere', async () => {
  await createAccount(test_.context, 'fred@example.com')
  const { browser, token } = await follow('fred@example.com')
  for (const wrong of ['', 'x', 'a'.repeat(43)]) {
    expect((await browser.get(`/password-reset/new?token=${wrong}`)).status).toBe(404)
    expect((await browser.post('/password-reset/new', { token: wrong, password: NEW })).status).toBe(404)
  }
  const fields = { token, password: NEW }
  expect((await browser.post('/password-reset/new', fields, { Origin: 'https://evil.example' })).status).toBe(
    403,
  )
  expect((await browser.post('/password-reset/new', { ...fields, csrf: '' })).status).toBe(403)
  expect((await browser.post('/password-reset', { email: 'fred@example.com', csrf: '' })).status).toBe(403)
  expect((await browser.post('/password-reset', { email: 'nobody' })).status).toBe(400)
})

test('the link is neither in the database nor in the log', async () => {
  await createAccount(test_.context, 'gina@example.com')
  const { token } = await follow('gina@example.com')
  const written = JSON.stringify([await test_.database.query(LINKS), test_.logLines])
  expect(written).not.toContain(token)
})

test('without mail, the owner is the one to ask', async () => {
  const browser = createTestBrowser({ ...test_.context, mailer: undefined })
  await browser.get('/password-reset')
  const { status, text } = await browser.post('/password-reset', { email: 'ann@example.com' })
  expect(status).toBe(400)
  expect(text).toContain('sends no mail')
})
