import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addAuthenticator } from '../support/chromium.ts'
import { allow, signInByPassword } from '../support/person.ts'
import { type RealSetup, startRealSetup } from '../support/real_setup.ts'

let setup: RealSetup

beforeAll(async () => {
  setup = await startRealSetup()
})
afterAll(() => setup.close())

it('a passkey is added on the account page, and signs in with the button', async () => {
  const { page, problems } = await openPage()
  await page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('heading', { name: 'Chrome on Linux' }).first().waitFor()
  await expect.poll(() => page.getByRole('button', { name: /^Remove/ }).count()).toBe(1)
  await signOut(page)

  await withoutAutofill(page)
  const { url, finish } = await setup.request()
  await page.goto(url)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await allow(page)
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

it('a passkey is made where the consent page offers it, and signs in from the autofill', async () => {
  await removePasskeys()
  const { page, problems } = await openPage()
  const first = await setup.request()
  await page.goto(first.url)
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Create a passkey' }).click()
  await page.getByText('Your passkey is saved. Next time it signs you in.').waitFor()
  await allow(page)
  await first.finish()
  await page.goto(`${setup.server.issuer}/account`)
  await signOut(page)

  // Chromium's virtual authenticator picks at once what a person would pick from the list.
  const second = await setup.request()
  await page.goto(second.url)
  expect(await page.getByRole('button', { name: 'Create a passkey' }).isVisible()).toBe(false)
  await allow(page)
  expect(await setup.isActive((await second.finish()).access_token)).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

it('a passkey that was removed from the account opens it no more', async () => {
  await removePasskeys()
  const { page } = await openPage()
  await page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('button', { name: /^Remove/ }).click()
  await page.getByText('The passkey does not open your account any more.').waitFor()
  await signOut(page)
  await withoutAutofill(page)
  await page.goto(`${setup.server.issuer}/sign-in`)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByText('This passkey was not accepted').waitFor()
  await page.context().close()
})

async function openPage() {
  const opened = await setup.openPage()
  await addAuthenticator(opened.page)
  return opened
}

/** The account is shared by the tests of this file, and none depends on what another left. */
async function removePasskeys(): Promise<void> {
  const { page } = await setup.openPage()
  await page.goto(`${setup.server.issuer}/account`)
  await signInByPassword(page)
  const remove = page.getByRole('button', { name: /^Remove/ })
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  for (let count = await remove.count(); count > 0; count--) {
    await remove.first().click()
    await expect.poll(() => remove.count()).toBe(count - 1)
  }
  await page.context().close()
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
}

/** As in browsers that have passkeys but do not offer them in a field. */
async function withoutAutofill(page: Page): Promise<void> {
  await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
}
