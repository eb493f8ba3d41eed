import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addAuthenticator } from '../support/chromium.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { signInAndAllow, signInByPassword } from '../support/person.ts'
import { findLink, type RealSetup, receiveMail, startRealSetup } from '../support/real_setup.ts'
import { OWNER, type TestServer } from '../support/server.ts'

/** Where to keep a picture of each page; nowhere by default. */
const SCREENSHOTS = process.env['SCREENSHOTS']

let setup: RealSetup
/** A server that nobody owns yet. */
let fresh: TestServer
let axe: string

beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  setup = await startRealSetup()
  fresh = await startListeningServer({ owner: undefined })
  if (SCREENSHOTS !== undefined) await mkdir(SCREENSHOTS, { recursive: true })
})
afterAll(async () => {
  await fresh.close()
  await setup.close()
})

/** The way to each page, as people go it. */
const PAGES: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  home: (page) => page.goto(setup.server.issuer),
  sign_in: async (page) => page.goto((await setup.request()).url),
  sign_in_failed: async (page) => {
    await page.goto((await setup.request()).url)
    await signInByPassword(page, { ...OWNER, password: 'not the password of the owner' })
    await page.getByRole('alert').waitFor()
  },
  email_code: async (page) => {
    await page.goto((await setup.request()).url)
    await page.getByLabel('E-mail address').fill('ada@example.com')
    await page.getByRole('button', { name: 'E-mail me a code' }).click()
    await page.getByLabel('Code').waitFor()
  },
  consent: async (page) => {
    await page.goto((await setup.request()).url)
    await signInByPassword(page)
    await page.getByRole('button', { name: 'Allow' }).waitFor()
  },
  consent_of_verified_app: async (page) => {
    const client_id = 'https://desk.example/oauth/client.json'
    const redirect_uris = ['https://desk.example/callback']
    setup.server.documents.set(client_id, { client_id, client_name: 'Desk', redirect_uris })
    const { url } = await setup.request({ client_id, redirect_uri: 'https://desk.example/callback' })
    await page.goto(url)
    await signInByPassword(page)
    await page.getByRole('button', { name: 'Allow' }).waitFor()
  },
  consent_step_up: async (page) => {
    const client = { client_name: 'Stepping up' }
    const first = await setup.request({ scope: 'files:read' }, client)
    await signInAndAllow(page, first.url)
    await first.finish()
    await page.goto((await setup.request({ scope: 'files:read files:write' }, client)).url)
    await page.getByText('new', { exact: true }).waitFor()
  },
  account: async (page) => {
    // An account of its own, so that the passkey changes no other page.
    await page.goto(await invite('margaret@example.com'))
    await page.getByLabel('Password').fill('four unrelated words of mine')
    await page.getByRole('button', { name: 'Accept the invitation' }).click()
    await page.waitForURL(/\/account$/)
    const { url, finish } = await setup.request()
    await signInAndAllow(page, url)
    await finish()
    await page.goto(`${setup.server.issuer}/account`)
    await page.getByRole('button', { name: 'Add a passkey' }).click()
    await page
      .getByRole('button', { name: /^Remove/ })
      .first()
      .waitFor()
  },
  signed_out: async (page) => {
    await page.goto(`${setup.server.issuer}/account`)
    await signInByPassword(page)
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  },
  logout: async (page) => {
    await page.goto(`${setup.server.issuer}/account`)
    await signInByPassword(page)
    await page.waitForURL(/\/account$/)
    await page.goto(`${setup.server.issuer}/logout`)
  },
  error: async (page) => {
    const redirect_uri = 'https://stranger.example/callback'
    const { url } = await setup.request(
      { redirect_uri, code_challenge_method: 'plain' },
      { redirect_uris: [redirect_uri] },
    )
    await page.goto(url)
    await page.getByText('Return to the app').waitFor()
  },
  error_unknown_client: async (page) => page.goto((await setup.request({ client_id: 'unknown' })).url),
  not_found: (page) => page.goto(`${setup.server.issuer}/nowhere`),
  setup: async (page) => page.goto((await fresh.server.setupLink()) ?? ''),
  invitation: async (page) => page.goto(await invite('grace@example.com')),
  reset_request: (page) => page.goto(`${setup.server.issuer}/password-reset`),
  reset: async (page) => {
    await page.goto(`${setup.server.issuer}/password-reset`)
    await page.getByLabel('E-mail address').fill(OWNER.email)
    await page.getByRole('button', { name: 'Send the link' }).click()
    await page.goto(findLink(await receiveMail(setup.server, OWNER.email)))
  },
}

it.each(Object.keys(PAGES))('%s: axe finds nothing, light or dark, on phone or desktop', async (name) => {
  const { page, problems } = await setup.openPage({ reducedMotion: 'reduce' })
  await addAuthenticator(page)
  await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
  await PAGES[name]?.(page)
  await page.waitForFunction("!document.querySelector('[data-passkey][hidden]')")
  await page.evaluate(axe)
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 844 })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await findViolations(page), `${width} ${colorScheme}`).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBe(0)
      if (SCREENSHOTS !== undefined)
        await page.screenshot({
          path: join(SCREENSHOTS, `${name}_${width}_${colorScheme}.png`),
          fullPage: true,
        })
    }
  }
  expect(problems).toEqual([])
  await page.context().close()
})

async function findViolations(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })`)
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

async function invite(email: string): Promise<string> {
  await setup.server.manage('POST', '/invitations', { email })
  return findLink(await receiveMail(setup.server, email))
}
