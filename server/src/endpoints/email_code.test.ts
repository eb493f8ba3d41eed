import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { type CountingDatabase, countStatements } from '../../../tests/support/counting_database.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
  settle,
  type TestBrowser,
} from '../../../tests/support/people.ts'
import type { SignUp } from '../options.ts'
import { statement } from '../storage/database.ts'

const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const CODES = statement<{ email: string; row: string }>(
  'test_codes',
  'select email, c::text as row from auth_agent.email_codes c',
)
const FORGET_BUDGETS = statement('test_forget_budgets', 'delete from auth_agent.attempt_counters')

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

/** Asks for a code in a new browser; the mail, if one was sent, is in `code`. */
async function ask(
  email: string,
  signUp?: SignUp,
): Promise<{ browser: TestBrowser; code: string; text: string }> {
  const context = { ...test_.context, ...(signUp && { settings: { ...test_.context.settings, signUp } }) }
  const browser = createTestBrowser(context)
  await browser.get('/sign-in?return_to=/device')
  const { text, status } = await browser.post('/sign-in', {
    email,
    method: 'email_code',
    return_to: '/device',
  })
  expect(status).toBe(200)
  await settle()
  const mail = test_.mails.findLast((one) => one.to === email)
  return { browser, text, code: /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(mail?.text ?? '')?.[0] ?? '' }
}

function enter(browser: TestBrowser, code: string) {
  return browser.post('/sign-in/code', { code, return_to: '/device', email: 'ignored@example.com' })
}

test('the code that was mailed signs in, once', async () => {
  await createAccount(test_.context, 'ann@example.com')
  const { browser, code, text } = await ask('ann@example.com')
  expect(text).toContain('ann@example.com')
  expect(test_.mails[0]?.subject).not.toContain(code)
  const answer = await enter(browser, code)
  expect(answer.location).toBe(`${ISSUER}/device`)
  expect((await browser.get('/account')).text).toContain('ann@example.com')
  expect((await enter(browser, code)).status).toBe(401)
})

test('people type small letters, spaces and dashes', async () => {
  await createAccount(test_.context, 'typist@example.com')
  const { browser, code } = await ask('typist@example.com')
  expect((await enter(browser, ` ${code.toLowerCase().replace('-', ' – ')} `)).status).toBe(303)
})

test('without a method, and without a password, a code is meant', async () => {
  const browser = createTestBrowser(test_.context)
  await browser.get('/sign-in')
  expect((await browser.post('/sign-in', { email: 'ann@example.com' })).text).toContain('Check your e-mail')
})

test('it is good in the browser that asked for it, and nowhere else', async () => {
  await createAccount(test_.context, 'bound@example.com')
  const { browser, code } = await ask('bound@example.com')
  const other = createTestBrowser(test_.context)
  await other.get('/sign-in')
  expect((await enter(other, code)).status).toBe(401)
  const third = await ask('other@example.com')
  expect((await enter(third.browser, code)).status).toBe(401)
  expect((await enter(browser, code)).status).toBe(303)
})

test('a code takes five tries, also when they come at once', async () => {
  await createAccount(test_.context, 'tries@example.com')
  const { browser, code } = await ask('tries@example.com')
  const wrong = await Promise.all(Array.from({ length: 4 }, () => enter(browser, 'AAAA-AAAA')))
  expect(wrong.map(({ status }) => status)).toEqual([401, 401, 401, 401])
  expect((await enter(browser, code)).status).toBe(303)

  const again = await ask('tries@example.com')
  await Promise.all(Array.from({ length: 50 }, () => enter(again.browser, 'AAAA-AAAA')))
  expect((await enter(again.browser, again.code)).status).toBe(401)
})

test('50 parallel uses of one code start one session', async () => {
  const { id } = await createAccount(test_.context, 'parallel@example.com')
  const { browser, code } = await ask('parallel@example.com')
  const answers = await Promise.all(Array.from({ length: 50 }, () => enter(browser, code)))
  expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
  expect(await test_.context.storage.listSessions(id, new Date(test_.clock.now))).toHaveLength(1)
})

test('it is good for ten minutes', async () => {
  await createAccount(test_.context, 'late@example.com')
  const { browser, code } = await ask('late@example.com')
  test_.clock.advance(600_000)
  expect((await enter(browser, code)).status).toBe(401)
})

test('a new code takes the place of the old one', async () => {
  await createAccount(test_.context, 'twice@example.com')
  const { browser, code } = await ask('twice@example.com')
  await browser.get('/sign-in')
  await browser.post('/sign-in', { email: 'twice@example.com', method: 'email_code' })
  await settle()
  expect((await enter(browser, code)).status).toBe(401)
})

test('the answer and the work before it are the same whether there is an account or not (enumeration)', async () => {
  await createAccount(test_.context, 'there@example.com')
  const disabled = await createAccount(test_.context, 'gone@example.com')
  await test_.database.query(DISABLE, [disabled.id])
  const seen = []
  for (const email of ['there@example.com', 'absent@example.com', 'gone@example.com']) {
    const browser = createTestBrowser(test_.context)
    await browser.get('/sign-in')
    counting.take()
    const { status, text } = await browser.post('/sign-in', { email, method: 'email_code' })
    await settle()
    const shown = text.replaceAll(email, '<email>').replaceAll(browser.csrf, '<csrf>')
    seen.push({ status, shown, statements: counting.take() })
  }
  expect(seen[1]).toEqual(seen[0])
  expect(seen[2]).toEqual(seen[0])
  expect(test_.mails.map(({ to }) => to)).toEqual(['there@example.com'])
  const codes = await test_.database.query(CODES)
  expect(codes.map(({ email }) => email)).toEqual(
    expect.arrayContaining(['absent@example.com', 'gone@example.com']),
  )
})

test('nobody waits for the mail, and a mail that is not accepted is in the log, without the code', async () => {
  await createAccount(test_.context, 'slow@example.com')
  let sent = ''
  const mailer = {
    async send({ text }: { text: string }) {
      sent = text
      throw new Error('550 mailbox unavailable')
    },
  }
  const browser = createTestBrowser({ ...test_.context, mailer })
  await browser.get('/sign-in')
  expect((await browser.post('/sign-in', { email: 'slow@example.com', method: 'email_code' })).status).toBe(
    200,
  )
  await settle()
  const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(sent)?.[0] ?? ''
  const log = test_.logLines.join('\n')
  expect(log).toContain('mail of an e-mail code')
  expect(log).not.toContain(code)
  expect((await test_.database.query(CODES)).map(({ row }) => row).join()).not.toContain(
    code.replace('-', ''),
  )
})

test('sign-up is closed by default, and opens for everybody or for domains', async () => {
  expect((await ask('new@example.com')).code).toBe('')
  expect((await ask('new@other.example', ['example.com'])).code).toBe('')
  expect((await ask('new@sub.example.com', ['example.com'])).code).toBe('')
  for (const [email, signUp] of [
    ['new1@example.com', 'open'],
    ['new2@example.com', ['example.com']],
  ] as const) {
    const { browser, code } = await ask(email, signUp)
    expect((await enter(browser, code)).status).toBe(303)
    const user = await test_.context.storage.findUserByEmail(email)
    expect(user).toMatchObject({ email_verified_by: 'mail' })
    // Whoever made his own account is a member of nothing.
    expect(await test_.context.storage.findMembership('org_root', user?.id ?? '')).toBeUndefined()
  }
})

test('the first proof by mail removes what was set before it, sessions too', async () => {
  const { id } = await createAccount(test_.context, 'prepared@example.com', { by: 'administrator' })
  const attacker = await createSignedInBrowser(test_.context, 'prepared@example.com')
  const { browser, code } = await ask('prepared@example.com')
  expect((await enter(browser, code)).status).toBe(303)
  expect((await attacker.get('/account')).status).toBe(303)
  expect((await test_.context.storage.findPasswordOfUser(id))?.password_hash).toBeNull()
  expect((await test_.context.storage.findUser(id))?.email_verified_by).toBe('mail')

  await attacker.get('/sign-in')
  expect(
    (await attacker.post('/sign-in', { email: 'prepared@example.com', password: PASSWORD })).status,
  ).toBe(401)
})

test('a later proof, and one of an address that the operator vouched for, removes nothing', async () => {
  for (const by of ['mail', 'operator'] as const) {
    const email = `${by}@example.com`
    const { id } = await createAccount(test_.context, email, { by })
    const other = await createSignedInBrowser(test_.context, email)
    const { browser, code } = await ask(email)
    expect((await enter(browser, code)).status).toBe(303)
    expect((await other.get('/account')).status).toBe(200)
    expect((await test_.context.storage.findPasswordOfUser(id))?.password_hash).not.toBeNull()
    expect((await test_.context.storage.findUser(id))?.email_verified_by).toBe(by)
  }
})

test('an account that is disabled between code and entry stays closed', async () => {
  const { id } = await createAccount(test_.context, 'disabled@example.com')
  const { browser, code } = await ask('disabled@example.com')
  await test_.database.query(DISABLE, [id])
  expect((await enter(browser, code)).status).toBe(401)
})

test('without mail no code is offered', async () => {
  const browser = createTestBrowser({ ...test_.context, mailer: undefined })
  expect((await browser.get('/sign-in')).text).not.toContain('email_code')
  const { status, text } = await browser.post('/sign-in', { email: 'ann@example.com', method: 'email_code' })
  expect(status).toBe(400)
  expect(text).toContain('sends no mail')
})

test('a form without its token is refused', async () => {
  const { browser, code } = await ask('ann@example.com')
  expect((await browser.post('/sign-in/code', { code, csrf: '' })).status).toBe(403)
  expect((await browser.post('/sign-in/code', { code: '' })).status).toBe(400)
})
