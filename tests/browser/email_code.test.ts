import { afterAll, beforeAll, expect, it } from 'vitest'
import { allow } from '../support/person.ts'
import { findCode, type RealSetup, receiveMail, startRealSetup } from '../support/real_setup.ts'
import { OWNER } from '../support/server.ts'

let setup: RealSetup

beforeAll(async () => {
  setup = await startRealSetup()
})
afterAll(() => setup.close())

it('a code by e-mail signs in, on the way to an app', async () => {
  const { page, problems } = await setup.openPage()
  const { url, finish } = await setup.request()
  await page.goto(url)
  await page.getByLabel('E-mail address').fill(OWNER.email)
  await page.getByRole('button', { name: 'E-mail me a code' }).click()
  await page.getByLabel('Code').fill('AAAA-AAAA')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  // Small letters, as people type them.
  await page.getByLabel('Code').fill(findCode(await receiveMail(setup.server, OWNER.email)).toLowerCase())
  await page.getByRole('button', { name: 'Sign in' }).click()
  await allow(page)
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

it('a code is worth nothing in another browser', async () => {
  const here = await setup.openPage()
  const there = await setup.openPage()
  for (const { page } of [here, there]) {
    await page.goto(`${setup.server.issuer}/sign-in`)
    await page.getByLabel('E-mail address').fill(OWNER.email)
    await page.getByRole('button', { name: 'E-mail me a code' }).click()
    await page.getByLabel('Code').waitFor()
  }
  const [first, second] = [
    await receiveMail(setup.server, OWNER.email),
    await receiveMail(setup.server, OWNER.email),
  ]
  await there.page.getByLabel('Code').fill(findCode(first))
  await there.page.getByRole('button', { name: 'Sign in' }).click()
  await there.page.getByRole('alert').waitFor()
  await there.page.getByLabel('Code').fill(findCode(second))
  await there.page.getByRole('button', { name: 'Sign in' }).click()
  await there.page.waitForURL(/\/account$/)
  await here.page.context().close()
  await there.page.context().close()
})

it('an address without an account sees the same page and gets no mail', async () => {
  const { page } = await setup.openPage()
  await page.goto(`${setup.server.issuer}/sign-in`)
  await page.getByLabel('E-mail address').fill('nobody@example.com')
  await page.getByRole('button', { name: 'E-mail me a code' }).click()
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor()
  // Mail leaves in the order in which it was asked for: once the second is there, the first will not come.
  await page.goto(`${setup.server.issuer}/sign-in`)
  await page.getByLabel('E-mail address').fill(OWNER.email)
  await page.getByRole('button', { name: 'E-mail me a code' }).click()
  await receiveMail(setup.server, OWNER.email)
  expect(setup.server.mails.map((mail) => mail.to)).not.toContain('nobody@example.com')
  await page.context().close()
})
