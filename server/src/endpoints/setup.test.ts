import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
} from '../../../tests/support/people.ts'
import { untilOneWaits } from '../../../tests/support/waiting.ts'
import { createSetupLink, ensureOwner } from '../sign_in/owner.ts'
import { statement } from '../storage/database.ts'

const OWNERS = statement<{ email: string }>(
  'test_owners',
  `select u.email from auth_agent.memberships m join auth_agent.users u on u.id = m.user_id where m.role = 'owner'`,
)
const LINKS = statement<{ row: string }>(
  'test_links',
  'select l::text as row from auth_agent.one_time_links l',
)
const MAKE_OWNER = statement(
  'test_make_owner',
  `insert into auth_agent.memberships (organization_id, user_id, role, created_at)
   values ('org_root', $1, 'owner', now())`,
)

let test_: TestContext
beforeEach(async () => {
  test_ = await createTestContext()
})
afterEach(() => test_.close())

async function makeLink(): Promise<{ path: string; token: string }> {
  const link = new URL((await createSetupLink(test_.context)) ?? '')
  return { path: link.pathname + link.search, token: link.searchParams.get('token') ?? '' }
}

/** A browser that has the form before it. */
async function visit(path: string) {
  const browser = createTestBrowser(test_.context)
  expect((await browser.get(path)).status).toBe(200)
  return browser
}

const me = (token: string, email = 'me@example.com') => ({ token, email, password: PASSWORD })

test('whoever has the link becomes the owner, signed in', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  const answer = await browser.post('/setup', me(token))
  expect(answer.location).toBe(`${ISSUER}/account`)
  expect((await browser.get('/account')).text).toContain('me@example.com')
  expect(await test_.context.storage.findUserByEmail('me@example.com')).toMatchObject({
    email_verified_by: 'operator',
  })
  await createSignedInBrowser(test_.context, 'me@example.com')
})

test('looking at it uses nothing up, as previews of links do', async () => {
  const { path, token } = await makeLink()
  for (let n = 0; n < 5; n += 1) await visit(path)
  expect((await (await visit(path)).post('/setup', me(token))).status).toBe(303)
})

test('it works once, within an hour, and not once there is an owner', async () => {
  const { path, token } = await makeLink()
  const other = await makeLink()
  const late = await visit(other.path)
  const browser = await visit(path)
  await browser.post('/setup', me(token))
  expect((await late.post('/setup', me(token, 'again@example.com'))).status).toBe(404)
  expect((await late.post('/setup', me(other.token, 'again@example.com'))).status).toBe(404)
  expect((await late.get(other.path)).status).toBe(404)
  expect(await test_.database.query(OWNERS)).toEqual([{ email: 'me@example.com' }])
})

test('it is good for an hour', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  test_.clock.advance(3_600_000)
  expect((await browser.post('/setup', me(token))).status).toBe(404)
})

test('an owner by environment ends it', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  await ensureOwner(test_.context, { email: 'env@example.com', password: PASSWORD })
  expect((await browser.post('/setup', me(token))).status).toBe(404)
})

test('of 50 who come at once, with one link or with two, one becomes the owner', async () => {
  const links = [await makeLink(), await makeLink()]
  const browsers = await Promise.all(Array.from({ length: 50 }, (_, n) => visit(links[n % 2]?.path ?? '')))
  const answers = await Promise.all(
    browsers.map((browser, n) => browser.post('/setup', me(links[n % 2]?.token ?? '', `me${n}@example.com`))),
  )
  expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 404)).toHaveLength(49)
  expect(await test_.database.query(OWNERS)).toHaveLength(1)
})

test('it waits for an owner who is being made in another way, and comes too late', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  const { id } = await createAccount(test_.context, 'env@example.com')
  let answer: ReturnType<typeof browser.post> | undefined
  await test_.database.transaction(async (other) => {
    await other.query(MAKE_OWNER, [id])
    answer = browser.post('/setup', me(token))
    await untilOneWaits(test_.database)
  })
  expect((await answer)?.status).toBe(404)
  expect(await test_.database.query(OWNERS)).toEqual([{ email: 'env@example.com' }])
})

test('a weak password or a bad address uses nothing up', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  const short = await browser.post('/setup', { ...me(token), password: 'short' })
  expect(short.status).toBe(400)
  expect(short.text).toContain('at least 12 characters')
  expect((await browser.post('/setup', { ...me(token), email: 'nobody' })).status).toBe(400)
  expect((await browser.post('/setup', { token, email: 'me@example.com' })).status).toBe(400)
  expect((await browser.post('/setup', me(token))).status).toBe(303)
})

test('no token, a wrong one, and a form from elsewhere', async () => {
  const { path, token } = await makeLink()
  const browser = await visit(path)
  for (const wrong of ['', 'x', `${token}x`, 'a'.repeat(43)]) {
    expect((await browser.get(`/setup?token=${wrong}`)).status).toBe(404)
    expect((await browser.post('/setup', me(wrong))).status).toBe(404)
  }
  expect((await browser.post('/setup', me(token), { Origin: 'https://evil.example' })).status).toBe(403)
  expect((await browser.post('/setup', { ...me(token), csrf: '' })).status).toBe(403)
  expect(await test_.database.query(OWNERS)).toEqual([])
})

test('the link is not in the database', async () => {
  const { token } = await makeLink()
  const rows = (await test_.database.query(LINKS)).map(({ row }) => row).join()
  expect(rows).not.toContain(token)
  expect(rows).not.toContain(Buffer.from(token, 'base64url').toString('hex'))
})

test('an account that somebody prepared under the address keeps none of its ways in', async () => {
  await createAccount(test_.context, 'me@example.com', {
    by: 'administrator',
    password: 'set by somebody else',
  })
  const attacker = await createSignedInBrowser(test_.context, 'me@example.com', 'set by somebody else')
  const { path, token } = await makeLink()
  await (await visit(path)).post('/setup', me(token))
  expect((await attacker.get('/account')).status).toBe(303)
  await attacker.get('/sign-in')
  const fields = { email: 'me@example.com', password: 'set by somebody else' }
  expect((await attacker.post('/sign-in', fields)).status).toBe(401)
})
