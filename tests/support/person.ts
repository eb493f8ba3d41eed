import type { Page } from 'playwright-core'
import { OWNER } from './server.ts'

/** What a person does on the sign-in page. */
export async function signInByPassword(page: Page, person = OWNER): Promise<void> {
  await page.getByLabel('E-mail address').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** What a person does on the consent page. */
export async function allow(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Allow' }).click()
}

/** Opens an authorization request, signs in if asked, and allows it. */
export async function signInAndAllow(page: Page, url: string | URL, person = OWNER): Promise<void> {
  await page.goto(String(url))
  if (new URL(page.url()).pathname.endsWith('/sign-in')) await signInByPassword(page, person)
  await allow(page)
}
