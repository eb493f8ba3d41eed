import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { createAccount } from '../../../tests/support/people.ts'
import { statement } from '../storage/database.ts'
import { endSession, findSession, isFresh, startSession } from './session.ts'

const DAY = 86_400_000
const DISABLE = statement('test_disable', 'update auth_agent.users set disabled_at = now() where id = $1')
const UNVERIFY = statement(
  'test_unverify',
  'update auth_agent.users set email_verified_at = null, email_verified_by = null where id = $1',
)
const ROWS = statement<{ row: string }>(
  'test_session_rows',
  'select s::text as row from auth_agent.sessions s',
)

let test_: TestContext
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

function request(Cookie?: string): Request {
  return new Request(ISSUER, { headers: { 'User-Agent': 'Test/1.0', ...(Cookie && { Cookie }) } })
}

async function start(
  email: string,
  formerCookie?: string,
): Promise<{ userId: string; cookie: string; line: string }> {
  const user = await createAccount(test_.context, email)
  const line = await startSession(test_.context, request(formerCookie), { userId: user.id, amr: ['pwd'] })
  return { userId: user.id, line, cookie: line.split(';', 1)[0] ?? '' }
}

test('a session says who signed in, when, and how', async () => {
  const { userId, cookie, line } = await start('a@example.com')
  expect(line).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure$/)
  const session = await findSession(test_.context, request(cookie))
  expect(session).toMatchObject({ user: { id: userId, email: 'a@example.com' }, amr: ['pwd'] })
  expect(session?.authTime).toEqual(new Date(test_.clock.now))
})

test('the id in the cookie is not in the database', async () => {
  const { cookie } = await start('b@example.com')
  const rows = await test_.database.query(ROWS)
  const secret = cookie.split('=')[1] ?? ''
  for (const { row } of rows) {
    expect(row).not.toContain(secret)
    expect(row).not.toContain(Buffer.from(secret, 'base64url').toString('hex'))
  }
})

test('a sign-in replaces the session of the same browser, planted or not (session fixation)', async () => {
  const planted = `__Host-session=${'p'.repeat(43)}`
  const first = await start('c@example.com', planted)
  expect(first.cookie).not.toBe(planted)
  expect(await findSession(test_.context, request(planted))).toBeUndefined()
  const second = await start('c2@example.com', first.cookie)
  expect(await findSession(test_.context, request(first.cookie))).toBeUndefined()
  expect(await findSession(test_.context, request(second.cookie))).toBeDefined()
})

test('nobody has a session by rubbish, by an id of another, or without a cookie', async () => {
  const { cookie } = await start('d@example.com')
  const session = await findSession(test_.context, request(cookie))
  for (const value of [
    '',
    'x',
    session?.id ?? '',
    session?.digest.toString('base64url') ?? '',
    "' or 1=1 --",
  ]) {
    expect(await findSession(test_.context, request(`__Host-session=${value}`)), value).toBeUndefined()
  }
  expect(await findSession(test_.context, request())).toBeUndefined()
  // The unprefixed name could be set by a subdomain.
  expect(await findSession(test_.context, request(cookie.replace('__Host-', '')))).toBeUndefined()
})

test('it ends 14 days after its last use', async () => {
  const { cookie } = await start('e@example.com')
  test_.clock.advance(13 * DAY)
  expect(await findSession(test_.context, request(cookie))).toBeDefined()
  test_.clock.advance(13 * DAY)
  expect(await findSession(test_.context, request(cookie))).toBeDefined()
  test_.clock.advance(14 * DAY + 1000)
  expect(await findSession(test_.context, request(cookie))).toBeUndefined()
})

test('it ends 90 days after the sign-in, however much it is used', async () => {
  const { cookie } = await start('f@example.com')
  for (let day = 0; day < 89; day += 1) {
    test_.clock.advance(DAY)
    expect(await findSession(test_.context, request(cookie)), `day ${day}`).toBeDefined()
  }
  test_.clock.advance(DAY)
  expect(await findSession(test_.context, request(cookie))).toBeUndefined()
})

test('its use is written at most once in five minutes', async () => {
  const { userId, cookie } = await start('g@example.com')
  const started = test_.clock.now
  test_.clock.advance(4 * 60_000)
  await findSession(test_.context, request(cookie))
  const [early] = await test_.context.storage.listSessions(userId, new Date(test_.clock.now))
  expect(early?.last_seen_at).toEqual(new Date(started))
  test_.clock.advance(2 * 60_000)
  await findSession(test_.context, request(cookie))
  const [late] = await test_.context.storage.listSessions(userId, new Date(test_.clock.now))
  expect(late?.last_seen_at).toEqual(new Date(test_.clock.now))
})

test('who was disabled, or whose address is not proved, has none', async () => {
  const disabled = await start('h@example.com')
  await test_.database.query(DISABLE, [disabled.userId])
  expect(await findSession(test_.context, request(disabled.cookie))).toBeUndefined()
  const unproved = await start('i@example.com')
  await test_.database.query(UNVERIFY, [unproved.userId])
  expect(await findSession(test_.context, request(unproved.cookie))).toBeUndefined()
})

test('what was ended is ended on the server, not in the cookie alone', async () => {
  const { cookie } = await start('j@example.com')
  expect(await endSession(test_.context, request(cookie))).toMatch(/^__Host-session=; Path=\/; Max-Age=0/)
  expect(await findSession(test_.context, request(cookie))).toBeUndefined()
})

test('a sign-in is fresh for a quarter of an hour', async () => {
  const { cookie } = await start('k@example.com')
  const session = await findSession(test_.context, request(cookie))
  if (session === undefined) throw new Error('There is no session.')
  expect(isFresh(session, test_.clock.now + 14 * 60_000)).toBe(true)
  expect(isFresh(session, test_.clock.now + 16 * 60_000)).toBe(false)
})
