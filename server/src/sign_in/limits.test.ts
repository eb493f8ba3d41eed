import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestContext, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
  type TestBrowser,
} from '../../../tests/support/people.ts'
import { statement } from '../storage/database.ts'

const COUNTERS = statement<{ row: string }>(
  'test_counters',
  'select c::text as row from auth_agent.attempt_counters c',
)
const VICTIM = 'victim@example.com'

let test_: TestContext
beforeEach(async () => {
  test_ = await createTestContext()
})
afterEach(() => test_.close())

async function strangerAt(address: string): Promise<TestBrowser> {
  const browser = createTestBrowser(test_.context, address)
  await browser.get('/sign-in')
  return browser
}

async function guess(browser: TestBrowser, email: string, password = 'wrong') {
  return browser.post('/sign-in', { email, password })
}

test('the eleventh wrong password within a quarter of an hour is refused, from whichever address', async () => {
  for (const email of [VICTIM, 'nobody@example.com']) {
    if (email === VICTIM) await createAccount(test_.context, email)
    for (let n = 0; n < 10; n += 1) {
      expect((await guess(await strangerAt(`198.51.100.${n}`), email)).status).toBe(401)
    }
    const refused = await guess(await strangerAt('198.51.100.99'), email)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('Retry-After')).toBe('900')
    expect(refused.text).toContain('passkey')
  }
  test_.clock.advance(900_000)
  expect((await guess(await strangerAt('198.51.100.99'), VICTIM)).status).toBe(401)
})

test('parallel guesses are counted like others', async () => {
  const browser = await strangerAt('198.51.100.1')
  const answers = await Promise.all(Array.from({ length: 50 }, () => guess(browser, VICTIM)))
  expect(answers.filter((answer) => answer.status === 401)).toHaveLength(10)
  expect(answers.filter((answer) => answer.status === 429)).toHaveLength(40)
})

test('strangers do not lock the owner out of the browser that he has used before', async () => {
  await createAccount(test_.context, VICTIM)
  const home = await createSignedInBrowser(test_.context, VICTIM)
  for (let n = 0; n < 20; n += 1) await guess(await strangerAt(`198.51.100.${n}`), VICTIM)
  expect((await guess(await strangerAt('203.0.113.1'), VICTIM, PASSWORD)).status).toBe(429)

  await home.get('/sign-in?switch=1')
  expect((await guess(home, VICTIM, PASSWORD)).status).toBe(303)
})

test('a browser that is known to one account is a stranger to others, and has a budget too', async () => {
  await createAccount(test_.context, VICTIM)
  await createAccount(test_.context, 'mallory@example.com')
  const mallory = await createSignedInBrowser(test_.context, 'mallory@example.com')
  await mallory.get('/sign-in?switch=1')
  for (let n = 0; n < 10; n += 1) await guess(mallory, VICTIM)
  expect((await guess(mallory, VICTIM)).status).toBe(429)

  const home = await createSignedInBrowser(test_.context, 'mallory@example.com')
  await home.get('/sign-in?switch=1')
  for (let n = 0; n < 10; n += 1) expect((await guess(home, 'mallory@example.com')).status).toBe(401)
  expect((await guess(home, 'mallory@example.com')).status).toBe(429)
})

test('the mark of a known browser is of no use in another browser', async () => {
  await createAccount(test_.context, VICTIM)
  const home = await createSignedInBrowser(test_.context, VICTIM)
  const thief = await strangerAt('198.51.100.7')
  thief.cookies.set('__Host-known', home.cookies.get('__Host-known') ?? '')
  for (let n = 0; n < 10; n += 1) await guess(await strangerAt(`198.51.100.${n}`), VICTIM)
  expect((await guess(thief, VICTIM)).status).toBe(429)
})

test('right passwords use nothing up', async () => {
  await createAccount(test_.context, VICTIM)
  for (let n = 0; n < 30; n += 1) {
    expect((await guess(await strangerAt('198.51.100.1'), VICTIM, PASSWORD)).status).toBe(303)
  }
})

test('one address that tries many accounts is refused before it touches their budgets', async () => {
  await createAccount(test_.context, VICTIM)
  const sprayer = await strangerAt('2001:db8::1')
  for (let n = 0; n < 50; n += 1) await guess(sprayer, `user${n}@example.com`)
  // Another address of the same /64 is the same household.
  const neighbour = await strangerAt('2001:db8::2')
  for (let n = 0; n < 20; n += 1) expect((await guess(neighbour, VICTIM)).status).toBe(429)
  expect((await guess(await strangerAt('198.51.100.1'), VICTIM, PASSWORD)).status).toBe(303)
}, 60_000)

test('the whole server has a budget, which the operator sets; passkeys and known browsers need none of it', async () => {
  await test_.close()
  test_ = await createTestContext({ attemptBudget: 20 })
  await createAccount(test_.context, VICTIM)
  const home = await createSignedInBrowser(test_.context, VICTIM)
  for (let n = 0; n < 20; n += 1)
    expect((await guess(await strangerAt(`198.51.100.${n}`), `user${n}@example.com`)).status).toBe(401)
  expect((await guess(await strangerAt('203.0.113.1'), VICTIM, PASSWORD)).status).toBe(429)
  await home.get('/sign-in?switch=1')
  expect((await guess(home, VICTIM, PASSWORD)).status).toBe(303)
})

test('a client whose address is not known has no budget of that kind', async () => {
  const browser = await strangerAt('198.51.100.1')
  browser.info = { clientAddress: undefined, loopback: false }
  for (let n = 0; n < 55; n += 1) expect((await guess(browser, `user${n}@example.com`)).status).toBe(401)
}, 60_000)

test('mail is limited apart from passwords: five an hour to one address', async () => {
  for (const path of ['/sign-in', '/password-reset']) {
    const browser = await strangerAt('198.51.100.1')
    const email = `${path.length}@example.com`
    for (let n = 0; n < 5; n += 1)
      expect((await browser.post(path, { email, method: 'email_code' })).status).toBe(200)
    const refused = await browser.post(path, { email, method: 'email_code' })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('Retry-After')).toBe('3600')
  }
})

test('the counters hold no address of anybody', async () => {
  await guess(await strangerAt('198.51.100.1'), VICTIM)
  const rows = (await test_.database.query(COUNTERS)).map(({ row }) => row).join('\n')
  expect(rows).not.toMatch(/victim|198\.51/)
  expect(rows).not.toContain(Buffer.from(VICTIM).toString('hex'))
})
