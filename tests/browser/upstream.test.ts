import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createGuardedFetch } from '../../node/src/guarded_fetch.ts'
import type { ServerOptions } from '../../server/src/options.ts'
import { type RealProvider, startOidcProvider } from '../support/oidc_provider.ts'
import { allow } from '../support/person.ts'
import { type RealSetup, startRealSetup } from '../support/real_setup.ts'

const CLIENT = { client_id: 'auth-agent', client_secret: 'a-secret_of.the+upstream/provider' }

let provider: RealProvider
let setup: RealSetup

beforeAll(async () => {
  provider = await startOidcProvider()
  const upstream: ServerOptions['upstream'] = {
    issuer: provider.issuer,
    clientId: CLIENT.client_id,
    clientSecret: CLIENT.client_secret,
    name: 'Acme',
    emailDomains: ['acme.example'],
  }
  const fetchUpstream = createGuardedFetch({ allowLoopback: true })
  setup = await startRealSetup({ upstream, fetchUpstream, signUp: ['acme.example'] })
  provider.register({ ...CLIENT, redirect_uris: [`${setup.server.issuer}/sign-in/upstream/callback`] })
  await setup.server.manage('PATCH', `/servers/${setup.mcp.server_id}`, { access: 'everyone' })
})
afterAll(async () => {
  await setup?.close()
  await provider?.close()
})

/** The provider's pages ask for a font elsewhere; nothing leaves this machine. */
async function openPage(options?: BrowserContextOptions) {
  const opened = await setup.openPage(options)
  await opened.page.route(/^https:/, (route) => route.fulfill({ contentType: 'text/css', body: '' }))
  return opened
}

/** What a person does at the provider: types a name, and lets us know his address. */
async function signInThere(page: Page, name: string, isFirstTime = true): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(name)
  await page.getByPlaceholder('and password').fill('whatever')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  if (isFirstTime) await page.getByRole('button', { name: 'Continue' }).click()
}

it('one click leads there; the way back ends at the app, past all policies of all pages', async () => {
  const { page, problems } = await openPage()
  const { url, finish } = await setup.request({ scope: 'openid email files:read' })
  await page.goto(url)
  await page.getByRole('button', { name: 'Continue with Acme' }).click()
  expect(new URL(page.url()).origin).toBe(provider.issuer)
  await signInThere(page, 'ada')
  await page.getByRole('button', { name: 'Allow' }).waitFor()
  expect(await page.locator('main').innerText()).toContain('ada@acme.example')
  await allow(page)
  expect(await setup.isActive((await finish()).access_token)).toBe(true)
  await page.goto(`${setup.server.issuer}/account`)
  await page.getByRole('heading', { name: 'Connected accounts' }).waitFor()
  expect(problems).toEqual([])

  // The provider knows the person by now: prompt=login has it ask all the same.
  const again = await setup.request({ scope: 'openid files:read', prompt: 'login' })
  await page.goto(again.url)
  await page.getByRole('button', { name: 'Continue with Acme' }).click()
  await signInThere(page, 'ada', false)
  await allow(page)
  expect((await again.finish()).id_token).toEqual(expect.any(String))
  expect(problems).toEqual([])
  await page.context().close()
})

it('who cancels there is back on our page, and signs in another way', async () => {
  const { page, problems } = await openPage()
  const { url } = await setup.request()
  await page.goto(url)
  await page.getByRole('button', { name: 'Continue with Acme' }).click()
  await page.getByRole('link', { name: 'Cancel' }).click()
  await page.getByRole('alert').getByText('You did not sign in at Acme').waitFor()
  expect(new URL(page.url()).origin).toBe(setup.server.issuer)
  await page.getByLabel('E-mail address').waitFor()
  expect(problems).toEqual([])
  await page.context().close()
})

it('works without scripts', async () => {
  const { page } = await openPage({ javaScriptEnabled: false })
  await page.goto(`${setup.server.issuer}/account`)
  await page.getByRole('button', { name: 'Continue with Acme' }).click()
  await signInThere(page, 'grace')
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  expect(await page.locator('main').innerText()).toContain('grace@acme.example')
  await page.context().close()
})
