import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestContext, type TestContext } from '../../../tests/support/context.ts'
import { type CountingDatabase, countStatements } from '../../../tests/support/counting_database.ts'
import { createAccount, createSignedInBrowser, PASSWORD } from '../../../tests/support/people.ts'
import { createSetupLink, ensureOwner } from './owner.ts'

const OWNER = { email: 'Owner@Example.com', password: 'the first password of the owner' }

let test_: TestContext
let counting: CountingDatabase
beforeEach(async () => {
  test_ = await createTestContext({
    wrapDatabase(database) {
      counting = countStatements(database)
      return counting.database
    },
  })
})
afterEach(() => test_.close())

async function roleOf(email: string): Promise<string | undefined> {
  const user = await test_.context.storage.findUserByEmail(email)
  return (await test_.context.storage.findMembership('org_root', user?.id ?? ''))?.role
}

test('the owner that the environment names is there, proved by the operator, and signs in', async () => {
  await ensureOwner(test_.context, OWNER)
  expect(await roleOf('owner@example.com')).toBe('owner')
  const user = await test_.context.storage.findUserByEmail('owner@example.com')
  expect(user?.email_verified_by).toBe('operator')
  await createSignedInBrowser(test_.context, 'owner@example.com', OWNER.password)
})

test('where all of it is so already, nothing is written and nobody signed out', async () => {
  await ensureOwner(test_.context, OWNER)
  const browser = await createSignedInBrowser(test_.context, 'owner@example.com', OWNER.password)
  const before = await test_.context.storage.findPasswordByEmail('owner@example.com')
  counting.take()
  await ensureOwner(test_.context, OWNER)
  expect(counting.take()).toEqual(['credentials_find_password_by_email', 'memberships_find'])
  expect(await test_.context.storage.findPasswordByEmail('owner@example.com')).toEqual(before)
  expect((await browser.get('/account')).status).toBe(200)
})

test('another password in the environment replaces the one that was there, and ends its sessions', async () => {
  await ensureOwner(test_.context, OWNER)
  const browser = await createSignedInBrowser(test_.context, 'owner@example.com', OWNER.password)
  await ensureOwner(test_.context, { ...OWNER, password: 'the second password of the owner' })
  expect((await browser.get('/account')).status).toBe(303)
  await createSignedInBrowser(test_.context, 'owner@example.com', 'the second password of the owner')
})

test('a member becomes the owner', async () => {
  const { id } = await createAccount(test_.context, 'owner@example.com')
  const now = new Date(test_.clock.now)
  await test_.context.storage.addMember({ organization_id: 'org_root', user_id: id, role: 'member' }, now)
  await ensureOwner(test_.context, { ...OWNER, password: PASSWORD })
  expect(await roleOf('owner@example.com')).toBe('owner')
  expect((await test_.context.storage.findUser(id))?.email_verified_by).toBe('mail')
})

test('nodes that start at once make one owner', async () => {
  await Promise.all(Array.from({ length: 10 }, () => ensureOwner(test_.context, OWNER)))
  await createSignedInBrowser(test_.context, 'owner@example.com', OWNER.password)
})

test('what makes no sense stops the start with one sentence', async () => {
  await expect(ensureOwner(test_.context, { ...OWNER, email: 'no address' })).rejects.toThrow(
    'AUTH_AGENT_OWNER_EMAIL',
  )
  await expect(ensureOwner(test_.context, { ...OWNER, password: 'short' })).rejects.toThrow(
    'AUTH_AGENT_OWNER_PASSWORD will not do: The password needs at least 12 characters.',
  )
})

test('there is a setup link while there is no owner', async () => {
  expect(await createSetupLink(test_.context)).toMatch(/^https:\/\/as\.example\/setup\?token=[\w-]{43}$/)
  await ensureOwner(test_.context, OWNER)
  expect(await createSetupLink(test_.context)).toBeUndefined()
})
