import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { createAccount, createTestBrowser, PASSWORD } from '../../../tests/support/people.ts'
import { AttemptCountersUnavailable } from '../attempt_counters.ts'
import { ready } from '../endpoints/health.ts'
import { recordRefusal } from './refusal_record.ts'

const EMAIL = 'person@example.com'

let test_: TestContext
beforeAll(async () => {
  const away = () => Promise.reject(new AttemptCountersUnavailable({ cause: new Error('It was unplugged.') }))
  test_ = await createTestContext({ attemptCounters: { count: away, forgive: away, check: away } })
})
afterAll(() => test_.close())

test('no attempt is made that cannot be counted: not even the right password, and no mail leaves', async () => {
  await createAccount(test_.context, EMAIL)
  const browser = createTestBrowser(test_.context, '198.51.100.1')
  await browser.get('/sign-in')
  for (const [path, fields] of [
    ['/sign-in', { email: EMAIL, password: PASSWORD }],
    ['/sign-in', { email: EMAIL, method: 'email_code' }],
    ['/password-reset', { email: EMAIL }],
  ] as const) {
    const refused = await browser.post(path, fields)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('Retry-After')).toBe('5')
    expect(refused.text).toContain('a passkey still works')
    expect(refused.text).not.toContain('unplugged')
  }
  expect(test_.mails).toEqual([])
  expect(test_.logLines.filter((line) => line.includes('"reason":"It was unplugged."'))).toHaveLength(3)
})

test('the refusal of a passkey depends on no counter: it is told to the log, and to no record', async () => {
  await recordRefusal(test_.context, 'usr_somebody', { method: 'passkey' })
  expect(test_.logLines.at(-1)).toContain('usr_somebody')
})

test('monitors are told, and the server stays ready for all that needs no counter', async () => {
  const response = await ready(test_.context, new Request(`${ISSUER}/ready`), {})
  expect([response.status, await response.json()]).toEqual([
    200,
    { status: 'ready', attempt_counters: 'unavailable' },
  ])
})
