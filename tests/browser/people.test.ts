import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWatchedPage } from '../support/chromium.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { allow, signInAndAllow, signInByPassword } from '../support/person.ts'
import { findLink, type RealSetup, receiveMail, startRealSetup } from '../support/real_setup.ts'
import { OWNER } from '../support/server.ts'

const NEW_PASSWORD = 'four unrelated words of mine'

let setup: RealSetup

beforeAll(async () => {
  setup = await startRealSetup()
})
afterAll(() => setup.close())

it('the link from the terminal makes one person the owner, once', async () => {
  const server = await startListeningServer({ owner: undefined })
  const link = (await server.server.setupLink()) ?? ''
  const { page, problems } = await openWatchedPage(await setup.browser.newContext())
  await page.goto(link)
  await page.getByLabel('E-mail address').fill('first@example.com')
  await page.getByLabel('Password').fill(NEW_PASSWORD)
  await page.getByRole('button').click()
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  expect(await page.locator('main').innerText()).toContain('first@example.com')

  expect((await page.goto(link))?.status()).toBe(404)
  expect(await server.server.setupLink()).toBeUndefined()
  expect(problems).toEqual([])
  await page.context().close()
  await server.close()
})

it('an invitation by mail makes an account, and a second visit does not', async () => {
  await setup.server.manage('POST', '/invitations', { email: 'ada@example.com' })
  const link = findLink(await receiveMail(setup.server, 'ada@example.com'))
  const { page, problems } = await setup.openPage()
  await page.goto(link)
  expect(await page.locator('main').innerText()).toContain('ada@example.com')
  await page.getByLabel('Password').fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Accept the invitation' }).click()
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  expect((await page.goto(link))?.status()).toBe(404)

  const later = await setup.openPage()
  const { url, finish } = await setup.request()
  await signInAndAllow(later.page, url, { email: 'ada@example.com', password: NEW_PASSWORD })
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
  await later.page.context().close()
})

it('a forgotten password is replaced by a link from the mail, and every other browser is signed out', async () => {
  const person = { email: 'grace@example.com', password: 'an old password to be forgotten' }
  await invite(person)
  const elsewhere = await setup.openPage()
  await elsewhere.page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(elsewhere.page, person)
  await elsewhere.page.waitForURL(/\/account$/)

  const { page, problems } = await setup.openPage()
  await page.goto(`${setup.server.issuer}/sign-in`)
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByRole('status').waitFor()
  const link = findLink(await receiveMail(setup.server, person.email))
  await page.goto(link)
  await page.getByLabel('New password').fill(NEW_PASSWORD)
  await page.getByRole('button', { name: 'Save the password' }).click()
  await page.getByRole('heading', { name: 'Your account' }).waitFor()

  await elsewhere.page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(elsewhere.page, person)
  await elsewhere.page.getByRole('alert').waitFor()
  await signInByPassword(elsewhere.page, { ...person, password: NEW_PASSWORD })
  await elsewhere.page.waitForURL(/\/account$/)
  expect(problems).toEqual([])
  await page.context().close()
  await elsewhere.page.context().close()
})

it('who looks for a forgotten password, and then remembers it, is still on the way to the app', async () => {
  const { page, problems } = await setup.openPage()
  const { url, finish } = await setup.request()
  await page.goto(url)
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await page.getByRole('link', { name: 'Back to sign-in' }).click()
  await signInByPassword(page)
  await allow(page)
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

describe('the account page', () => {
  it("ends an app's access, and its tokens are worth nothing at once", async () => {
    const { page, problems } = await setup.openPage()
    const { url, finish } = await setup.request({}, { client_name: 'Going to be revoked' })
    await signInAndAllow(page, url)
    const { access_token } = await finish()
    expect(await setup.isActive(access_token)).toBe(true)
    await page.goto(`${setup.server.issuer}/account`)
    await page.getByRole('button', { name: /^Revoke\b.*Going to be revoked, Files/ }).click()
    await page.getByText('The access has ended.').waitFor()
    expect(await page.getByRole('heading', { name: 'Going to be revoked' }).count()).toBe(0)
    expect(await setup.isActive(access_token)).toBe(false)
    expect(problems).toEqual([])
    await page.context().close()
  })

  it('signs out this browser', async () => {
    const { page } = await openAccount()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
    await page.goto(`${setup.server.issuer}/account`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.context().close()
  })

  it('signs out another browser', async () => {
    const person = { email: 'linus@example.com', password: NEW_PASSWORD }
    await invite(person)
    const here = await openAccount(person)
    const there = await openAccount(person)
    await here.page.reload()
    await here.page
      .getByRole('button', { name: /^Sign out .*Chrome on Linux/ })
      .first()
      .click()
    await here.page.getByText('That session has ended.').waitFor()
    await there.page.reload()
    await there.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await here.page.context().close()
    await there.page.context().close()
  })

  it('changes the password', async () => {
    const person = { email: 'edsger@example.com', password: 'a password to be changed' }
    await invite(person)
    const { page, problems } = await openAccount(person)
    await page.getByLabel('Current password').fill(person.password)
    await page.getByLabel('New password').fill(NEW_PASSWORD)
    await page.getByRole('button', { name: /password/ }).click()
    await page.getByText('Your password is changed').waitFor()
    expect(problems).toEqual([])
    const later = await openAccount({ ...person, password: NEW_PASSWORD })
    await page.context().close()
    await later.page.context().close()
  })
})

async function openAccount(person = OWNER) {
  const opened = await setup.openPage()
  await opened.page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(opened.page, person)
  await opened.page.getByRole('heading', { name: 'Your account' }).waitFor()
  return opened
}

/** Makes an account, by the way that people have. */
async function invite({ email, password }: typeof OWNER): Promise<void> {
  await setup.server.manage('POST', '/invitations', { email })
  const { page } = await setup.openPage()
  await page.goto(findLink(await receiveMail(setup.server, email)))
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Accept the invitation' }).click()
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  await page.context().close()
}
