import type { Authenticator } from '../support/authenticator.ts'
import type { Browser, Page } from '../support/browser.ts'
import type { Begun, CreationOptions, RequestOptions } from '../support/passkeys.ts'

/** What the script of our pages does when somebody adds a passkey; answers what came back. */
export async function addPasskey(browser: Browser, page: Page, authenticator: Authenticator, name: string) {
  const { csrf } = partOf(page, 'registration')
  const begun = await browser.postJson('/passkeys/registration/options', {}, csrf)
  const { options, ceremony } = begun.body as Begun<CreationOptions>
  const response = authenticator.create(options)
  return browser.postJson('/passkeys/registration', { ceremony, response, name }, csrf)
}

/** What the script of the sign-in page does; returns the page that it goes on to. */
export async function signInByPasskey(
  browser: Browser,
  page: Page,
  authenticator: Authenticator,
): Promise<Page> {
  const { csrf, returnTo } = partOf(page, 'authentication')
  const begun = await browser.postJson('/passkeys/authentication/options', {}, csrf)
  const { options, ceremony } = begun.body as Begun<RequestOptions>
  const signed = { ceremony, response: authenticator.get(options), return_to: returnTo }
  const { status, body } = await browser.postJson('/passkeys/authentication', signed, csrf)
  if (status !== 200) throw new Error(`The passkey was refused: ${status} ${JSON.stringify(body)}`)
  return browser.open((body as { redirect_to: string }).redirect_to)
}

/** What a page tells its script. */
function partOf(page: Page, kind: 'registration' | 'authentication'): { csrf: string; returnTo: string } {
  const part = page.html.querySelector(`[data-passkey="${kind}"]`)
  if (part === null) throw new Error(`There is nothing of passkeys on this page: ${page.text()}`)
  return {
    csrf: part.getAttribute('data-csrf') ?? '',
    returnTo: part.getAttribute('data-return-to') ?? '',
  }
}
