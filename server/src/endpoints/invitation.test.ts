import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  PASSWORD,
} from '../../../tests/support/people.ts'
import type { ServerContext } from '../context.ts'
import { invite } from '../sign_in/invitation.ts'
import { statement } from '../storage/database.ts'

const ROWS = statement<{ row: string }>(
  'test_invitations',
  'select i::text as row from auth_agent.invitations i',
)

let test_: TestContext
let withoutMail: ServerContext
beforeAll(async () => {
  test_ = await createTestContext()
  withoutMail = { ...test_.context, mailer: undefined }
})
afterAll(() => test_.close())
afterEach(() => {
  test_.mails.length = 0
})

const to = (email: string) => ({
  organizationId: 'org_root',
  email,
  role: 'member' as const,
  invitedBy: undefined,
})

/** Invites somebody by mail, and reads the link in it. */
async function inviteByMail(email: string): Promise<{ path: string; token: string }> {
  expect(await invite(test_.context, to(email))).toEqual({ id: expect.stringMatching(/^inv_/) })
  return linkIn(test_.mails.findLast((mail) => mail.to === email)?.text ?? '')
}

function linkIn(text: string): { path: string; token: string } {
  const token = /\/invitation\?token=([\w-]{43})/.exec(text)?.[1] ?? ''
  return { token, path: `/invitation?token=${token}` }
}

async function roleOf(email: string): Promise<string | undefined> {
  const user = await test_.context.storage.findUserByEmail(email)
  return (await test_.context.storage.findMembership('org_root', user?.id ?? ''))?.role
}

test('the mail says who invites, and where to', async () => {
  const { context, mails } = test_
  const { id } = await createAccount(context, 'owner-who-invites@example.com')
  await context.storage.changeOrganization('org_root', { name: 'Acme' })
  await invite(context, { ...to('guest@example.com'), invitedBy: id })
  await invite(context, to('other@example.com'))
  await context.storage.changeOrganization('org_root', { name: 'Auth-Agent' })
  expect(mails.map(({ subject }) => subject)).toEqual(Array(2).fill('Join Acme at as.example'))
  expect(mails.map(({ text }) => text.split('\n')[0])).toEqual([
    'owner-who-invites@example.com invites you to join Acme, and to use its MCP servers behind as.example. Accept here:',
    'You are invited to join Acme, and to use its MCP servers behind as.example. Accept here:',
  ])
})

test('the mailed link makes an account whose address is proved by mail, and a member', async () => {
  const { path, token } = await inviteByMail('ann@example.com')
  const browser = createTestBrowser(test_.context)
  const page = await browser.get(path)
  expect(page.text).toContain('ann@example.com')
  expect((await browser.post('/invitation', { token, password: PASSWORD })).location).toBe(
    `${ISSUER}/account`,
  )
  expect((await browser.get('/account')).text).toContain('ann@example.com')
  expect(await roleOf('ann@example.com')).toBe('member')
  expect((await test_.context.storage.findUserByEmail('ann@example.com'))?.email_verified_by).toBe('mail')
})

test('where no mail can leave, the link is handed over, and is only as good as who hands it', async () => {
  const { link = '' } = await invite(withoutMail, to('bob@example.com'))
  expect(link).toMatch(/^https:\/\/as\.example\/invitation\?token=[\w-]{43}$/)
  const { path, token } = linkIn(link)
  const browser = createTestBrowser(withoutMail)
  await browser.get(path)
  await browser.post('/invitation', { token, password: PASSWORD })
  expect((await test_.context.storage.findUserByEmail('bob@example.com'))?.email_verified_by).toBe(
    'administrator',
  )
})

test('it works once, also for 50 at once', async () => {
  const { path, token } = await inviteByMail('carl@example.com')
  const browser = createTestBrowser(test_.context)
  await browser.get(path)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => browser.post('/invitation', { token, password: PASSWORD })),
  )
  expect(answers.filter(({ location }) => location === `${ISSUER}/account`)).toHaveLength(1)
  expect((await createTestBrowser(test_.context).get(path)).status).toBe(404)
})

test('it never sets the password of an account that is there', async () => {
  await createAccount(test_.context, 'dora@example.com')
  const { path, token } = await inviteByMail('dora@example.com')
  const holder = createTestBrowser(test_.context)
  const asked = await holder.get(path)
  expect(asked.location).toBe(`${ISSUER}/sign-in?return_to=${encodeURIComponent(path)}`)
  await holder.get('/sign-in')
  const answer = await holder.post('/invitation', { token, password: 'the holder would like this one' })
  expect(answer.location).toContain('/sign-in?')
  expect(holder.cookies.has('__Host-session')).toBe(false)
  expect(await roleOf('dora@example.com')).toBeUndefined()
  await createSignedInBrowser(test_.context, 'dora@example.com', PASSWORD)
})

test('an account that is made while the password is being chosen is not touched either', async () => {
  const { path, token } = await inviteByMail('race@example.com')
  const holder = createTestBrowser(test_.context)
  await holder.get(path)
  const [answer] = await Promise.all([
    holder.post('/invitation', { token, password: 'the holder would like this one' }),
    createAccount(test_.context, 'race@example.com').catch(() => undefined),
  ])
  const isHolders = answer.location === `${ISSUER}/account`
  const password = isHolders ? 'the holder would like this one' : PASSWORD
  expect((await test_.context.storage.findUserByEmail('race@example.com'))?.email).toBe('race@example.com')
  if (!isHolders) await createSignedInBrowser(test_.context, 'race@example.com', password)
})

test('whose account it is signs in, and becomes a member by one click', async () => {
  await createAccount(test_.context, 'emil@example.com')
  const { path, token } = await inviteByMail('emil@example.com')
  const browser = createTestBrowser(test_.context)
  const signIn = new URL((await browser.get(path)).location ?? '')
  await browser.get(signIn.pathname + signIn.search)
  const signedIn = await browser.post('/sign-in', {
    email: 'emil@example.com',
    password: PASSWORD,
    return_to: path,
  })
  expect(signedIn.location).toBe(ISSUER + path)
  const page = await browser.get(path)
  expect(page.text).toContain('Accept the invitation')
  expect(page.text).not.toContain('type="password"')
  expect(await roleOf('emil@example.com')).toBeUndefined()
  expect((await browser.post('/invitation', { token })).location).toBe(`${ISSUER}/account?notice=joined`)
  expect(await roleOf('emil@example.com')).toBe('member')
})

test('who is signed in as somebody else is told so, and joins nothing', async () => {
  await createAccount(test_.context, 'fred@example.com')
  await createAccount(test_.context, 'gina@example.com')
  const { path, token } = await inviteByMail('fred@example.com')
  const gina = await createSignedInBrowser(test_.context, 'gina@example.com')
  for (const answer of [
    await gina.get(path),
    await gina.post('/invitation', { token, password: PASSWORD }),
  ]) {
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('fred@example.com')
  }
  expect(await roleOf('gina@example.com')).toBeUndefined()
  expect(await roleOf('fred@example.com')).toBeUndefined()
})

test('it is good for a week, and a new one takes its place', async () => {
  const first = await inviteByMail('hugo@example.com')
  const second = await inviteByMail('hugo@example.com')
  const browser = createTestBrowser(test_.context)
  expect((await browser.get(first.path)).status).toBe(404)
  expect((await browser.get(second.path)).status).toBe(200)
  test_.clock.advance(7 * 86_400_000)
  expect((await browser.post('/invitation', { token: second.token, password: PASSWORD })).status).toBe(404)
})

test('a weak password uses nothing up; no token, a wrong one, a form from elsewhere', async () => {
  const { path, token } = await inviteByMail('ida@example.com')
  const browser = createTestBrowser(test_.context)
  await browser.get(path)
  const weak = await browser.post('/invitation', { token, password: 'password1234' })
  expect(weak.status).toBe(400)
  expect(weak.text).toContain('among the first')
  expect((await browser.post('/invitation', { token })).status).toBe(400)
  for (const wrong of ['', 'x', 'a'.repeat(43)]) {
    expect((await browser.get(`/invitation?token=${wrong}`)).status).toBe(404)
    expect((await browser.post('/invitation', { token: wrong, password: PASSWORD })).status).toBe(404)
  }
  const fields = { token, password: PASSWORD }
  expect((await browser.post('/invitation', { ...fields, csrf: '' })).status).toBe(403)
  expect((await browser.post('/invitation', fields, { Origin: 'https://evil.example' })).status).toBe(403)
  expect((await browser.post('/invitation', fields)).status).toBe(303)
})

test('a member is not invited again', async () => {
  const { id } = await createAccount(test_.context, 'jan@example.com')
  const membership = { organization_id: 'org_root', user_id: id, role: 'admin' as const }
  await test_.context.storage.addMember(membership, new Date(test_.clock.now))
  await expect(invite(test_.context, to('jan@example.com'))).rejects.toMatchObject({ code: 'conflict' })
})

test('an invitation that cannot be mailed is not left behind', async () => {
  const mailer = { send: () => Promise.reject(new Error('550')) }
  const inviting = invite({ ...test_.context, mailer }, to('karl@example.com'))
  await expect(inviting).rejects.toMatchObject({ code: 'temporarily_unavailable', status: 503 })
  expect((await test_.database.query(ROWS)).map(({ row }) => row).join()).not.toContain('karl@example.com')
})

test('the link is not in the database', async () => {
  const { token } = await inviteByMail('lea@example.com')
  const rows = (await test_.database.query(ROWS)).map(({ row }) => row).join()
  expect(rows).toContain('lea@example.com')
  expect(rows).not.toContain(token)
})
