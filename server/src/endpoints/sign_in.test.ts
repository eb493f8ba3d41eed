import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { type CountingDatabase, countStatements } from '../../../tests/support/counting_database.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
} from '../../../tests/support/people.ts'
import { hashPassword } from '../sign_in/password_hash.ts'
import { statement } from '../storage/database.ts'

const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const FAILURES = statement<{ detail: unknown; user_id: string | null }>(
  'test_failures',
  `select detail, user_id from auth_agent.audit_events where type = 'sign_in.failed' order by id`,
)

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
afterEach(() => vi.restoreAllMocks())

test('a right password leads where the person was going, with a new session', async () => {
  await createAccount(test_.context, 'ann@example.com')
  const browser = createTestBrowser(test_.context)
  const page = await browser.get('/sign-in?return_to=/authorize?client_id=x')
  expect(page.status).toBe(200)
  const answer = await browser.post('/sign-in', {
    email: ' Ann@Example.com ',
    password: PASSWORD,
    return_to: '/authorize?client_id=x',
  })
  expect(answer.status).toBe(303)
  expect(answer.location).toBe(`${ISSUER}/authorize?client_id=x`)
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  const cookies = answer.headers.getSetCookie()
  expect(cookies).toHaveLength(2)
  for (const cookie of cookies)
    expect(cookie).toMatch(/^__Host-.*; Path=\/; .*HttpOnly; SameSite=Lax; Secure$/)
})

test('another site is no place to go on to', async () => {
  await createAccount(test_.context, 'open@example.com')
  for (const return_to of ['https://evil.example/', '//evil.example', '/\\evil.example', '/token']) {
    const browser = createTestBrowser(test_.context)
    await browser.get(`/sign-in?return_to=${encodeURIComponent(return_to)}`)
    const answer = await browser.post('/sign-in', {
      email: 'open@example.com',
      password: PASSWORD,
      return_to,
    })
    expect(answer.location).toBe(`${ISSUER}/account`)
    expect((await browser.get(`/sign-in?return_to=${encodeURIComponent(return_to)}`)).location).toBe(
      `${ISSUER}/account`,
    )
  }
})

test('who is signed in goes on at once, unless he wants to be somebody else', async () => {
  await createAccount(test_.context, 'bob@example.com')
  const browser = await createSignedInBrowser(test_.context, 'bob@example.com')
  expect((await browser.get('/sign-in?return_to=/device')).location).toBe(`${ISSUER}/device`)
  expect((await browser.get('/sign-in?switch=1')).status).toBe(200)
})

test('a session that was there before a sign-in, planted or real, is gone after it (session fixation)', async () => {
  await createAccount(test_.context, 'carl@example.com')
  await createAccount(test_.context, 'mallory@example.com')
  const attacker = await createSignedInBrowser(test_.context, 'mallory@example.com')
  const planted = attacker.cookies.get('__Host-session') ?? ''
  const victim = createTestBrowser(test_.context)
  victim.cookies.set('__Host-session', planted)
  await victim.get('/sign-in?switch=1')
  await victim.post('/sign-in', { email: 'carl@example.com', password: PASSWORD })
  expect(victim.cookies.get('__Host-session')).not.toBe(planted)
  expect((await attacker.get('/account')).status).toBe(303)
})

test('a wrong password and a missing account get the same answer, by the same work (enumeration)', async () => {
  await createAccount(test_.context, 'real@example.com')
  const outdated = await createAccount(test_.context, 'outdated@example.com')
  const disabled = await createAccount(test_.context, 'disabled@example.com')
  const { storage } = test_.context
  const now = new Date(test_.clock.now)
  const password_hash = await hashPassword(PASSWORD, { iterations: 100 })
  await storage.setPassword({ id: 'crd_outdated', user_id: outdated.id, password_hash }, now)
  await test_.database.query(DISABLE, [disabled.id])
  await storage.createUser(
    { id: 'usr_nopassword', email: 'nopassword@example.com', email_verified_by: 'mail' },
    now,
  )

  const seen = []
  for (const [email, password] of [
    ['real@example.com', 'wrong'],
    ['nobody@example.com', 'wrong'],
    ['nobody@example.com', PASSWORD],
    ['outdated@example.com', 'wrong'],
    ['nopassword@example.com', 'wrong'],
    ['disabled@example.com', PASSWORD],
  ] as const) {
    const browser = createTestBrowser(test_.context)
    await browser.get('/sign-in')
    const derive = vi.spyOn(crypto.subtle, 'deriveBits')
    counting.take()
    const { status, text } = await browser.post('/sign-in', { email, password })
    const iterations = derive.mock.calls.reduce(
      (sum, [algorithm]) => sum + Number((algorithm as { iterations: number }).iterations),
      0,
    )
    derive.mockRestore()
    const shown = text.replaceAll(email, '<email>').replaceAll(browser.csrf, '<csrf>')
    seen.push({
      status,
      shown,
      iterations,
      statements: counting.take(),
      cookies: [...browser.cookies.keys()],
    })
  }
  expect(seen[0]).toMatchObject({ status: 401, iterations: 1000, cookies: ['__Host-browser'] })
  for (const other of seen) expect(other).toEqual(seen[0])
})

test('what was typed is nowhere but in the form, and never in the log or the audit', async () => {
  const browser = createTestBrowser(test_.context)
  await browser.get('/sign-in')
  const { text } = await browser.post('/sign-in', {
    email: 'stranger@example.com',
    password: 'a secret that nobody may see',
  })
  expect(text).toContain('stranger@example.com')
  expect(text).not.toContain('a secret that nobody may see')
  const written = JSON.stringify([test_.logLines, await test_.database.query(FAILURES)])
  expect(written).not.toMatch(/stranger@example\.com|a secret that nobody may see/)
})

test('a hash of fewer iterations is made anew at the next sign-in', async () => {
  const { id } = await createAccount(test_.context, 'old@example.com')
  const { storage } = test_.context
  const password_hash = await hashPassword(PASSWORD, { iterations: 100 })
  await storage.setPassword({ id: 'crd_old', user_id: id, password_hash }, new Date(test_.clock.now))
  await createSignedInBrowser(test_.context, 'old@example.com')
  const upgraded = await storage.findPasswordOfUser(id)
  expect(upgraded?.password_hash).toMatch(/^pbkdf2-sha256\$1000\$/)
  await createSignedInBrowser(test_.context, 'old@example.com')
  expect((await storage.findPasswordOfUser(id))?.password_hash).toBe(upgraded?.password_hash)
})

test('a form without its token, or from another site, signs nobody in (login CSRF)', async () => {
  await createAccount(test_.context, 'csrf@example.com')
  const fields = { email: 'csrf@example.com', password: PASSWORD }
  const browser = createTestBrowser(test_.context)
  expect((await browser.post('/sign-in', fields)).status).toBe(403)
  await browser.get('/sign-in')
  expect((await browser.post('/sign-in', { ...fields, csrf: '' })).status).toBe(403)
  const foreign = { Origin: 'https://evil.example' }
  expect((await browser.post('/sign-in', fields, foreign)).status).toBe(403)
  expect((await browser.post('/sign-in', fields, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
  expect(browser.cookies.has('__Host-session')).toBe(false)
  expect((await browser.post('/sign-in', fields)).status).toBe(303)
})

test('bad fields get the form back with a sentence, and never a 500', async () => {
  const browser = createTestBrowser(test_.context)
  await browser.get('/sign-in')
  const cases: [Record<string, string>, number][] = [
    [{}, 400],
    [{ email: 'no address', password: 'x' }, 400],
    [{ email: `${'a'.repeat(300)}@example.com`, password: 'x' }, 400],
    [{ email: 'a@b@example.com', password: 'x' }, 400],
    [{ email: 'a@example.com\r\nBcc: b@example.com', password: 'x' }, 400],
    [{ email: 'a@example.com', password: 'x', method: 'carrier_pigeon' }, 400],
    [{ email: 'a@example.com', method: 'password' }, 400],
    [{ email: "a'or'1'='1@example.com", password: "' or 1=1 --" }, 401],
    [{ email: 'long@example.com', password: 'x'.repeat(20_000) }, 401],
    [{ email: 'é@example.com', password: 'x' }, 400],
    [{ email: 'a@example.com', password: '\u{1f40e}' }, 401],
  ]
  for (const [fields, status] of cases) {
    expect((await browser.post('/sign-in', fields)).status, JSON.stringify(fields).slice(0, 80)).toBe(status)
  }
  expect((await browser.post('/sign-in', { email: 'a@example.com', password: '\0' })).status).toBe(400)
})

test('hostile text in a field is text', async () => {
  const browser = createTestBrowser(test_.context)
  await browser.get('/sign-in')
  const { text } = await browser.post('/sign-in', { email: '"><script>alert(1)</script>', password: 'x' })
  expect(text).not.toContain('<script>alert')
})

test('the client believes to know the address (login_hint)', async () => {
  const browser = createTestBrowser(test_.context)
  expect((await browser.get('/sign-in?login_hint=Hint@example.com')).text).toContain(
    'value="hint@example.com"',
  )
  expect((await browser.get('/sign-in?login_hint=%22onfocus%3D1')).text).not.toContain('onfocus')
})
