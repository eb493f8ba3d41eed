import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { PAGE_SAMPLES } from './page_samples.ts'
import { openPage, type PageRequest, servePages } from './pages_server.ts'

type Verified = Awaited<ReturnType<typeof verifyRegistrationResponse>>
type Credential = NonNullable<Verified['registrationInfo']>['credential']

let browser: Browser
let site: Awaited<ReturnType<typeof servePages>>
let credential: Credential | undefined
let named: string | undefined
let goTo: string
let refusal: number | undefined
let challenge = ''

/** The server's side of the pages' protocol, as small as it can be. */
const answers: Record<string, (body: never) => Promise<Response>> = {
  '/passkeys/registration/options': async () => {
    const options = await generateRegistrationOptions({
      rpName: 'Test',
      rpID: 'localhost',
      userName: 'ada@example.com',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    })
    challenge = options.challenge
    return Response.json({ options, ceremony: 'c' })
  },
  '/passkeys/registration': async ({ response, name }: { response: never; name: string }) => {
    const { registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: site.origin,
      expectedRPID: 'localhost',
    })
    credential = registrationInfo?.credential
    named = name
    return Response.json({ ok: true })
  },
  '/passkeys/authentication/options': async () => {
    const options = await generateAuthenticationOptions({ rpID: 'localhost', userVerification: 'required' })
    challenge = options.challenge
    return Response.json({ options, ceremony: 'c' })
  },
  '/passkeys/authentication': async ({ response, return_to }: { response: never; return_to: string }) => {
    if (refusal !== undefined) return new Response('', { status: refusal })
    if (credential === undefined) return new Response('', { status: 400 })
    const { verified } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: site.origin,
      expectedRPID: 'localhost',
      credential,
    })
    expect(return_to).toContain('/tenant/')
    return verified ? Response.json({ redirect_to: goTo }) : new Response('', { status: 400 })
  },
}

async function answer(path: string, request: PageRequest): Promise<Response | undefined> {
  if (request.method !== 'POST') return PAGE_SAMPLES[path.slice(1)]?.('/tenant')
  if (request.csrf !== 'Zm9ybS1wcm9vZg') return new Response('', { status: 403 })
  return answers[path]?.(JSON.parse(request.body) as never)
}

beforeAll(async () => {
  site = await servePages(answer)
  browser = await launchChromium()
})

beforeEach(() => {
  goTo = '/tenant/signed_out'
  refusal = undefined
})

afterAll(async () => {
  await browser.close()
  site.close()
})

async function open(name: string) {
  const { page, problems } = await openPage(await browser.newContext(), `${site.origin}/tenant/${name}`)
  return { page, problems, status: page.locator('[data-passkey] [role=status]').first() }
}

async function makePasskey() {
  const opened = await open('consent_unverified')
  await opened.page.getByRole('button', { name: 'Create a passkey' }).click()
  await expect
    .poll(() => opened.status.textContent())
    .toBe('Your passkey is saved. Next time it signs you in.')
  return opened
}

it('makes a passkey named after the device, which signs in from the e-mail field’s autofill', async () => {
  const { page, problems } = await makePasskey()
  expect(named).toBe('Chrome on Linux')
  await page.goto(`${site.origin}/tenant/sign_in`)
  // Chromium's virtual authenticator picks what a person would pick from the list.
  await page.waitForURL('**/tenant/signed_out')
  expect(problems).toEqual([])
})

it('signs in with the button where the browser has no autofill for passkeys', async () => {
  const { page, problems } = await makePasskey()
  await page.addInitScript('PublicKeyCredential.isConditionalMediationAvailable = async () => false')
  await page.goto(`${site.origin}/tenant/sign_in`)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.waitForURL('**/tenant/signed_out')
  expect(problems).toEqual([])
})

it('says in words that a passkey was refused', async () => {
  const { page, status } = await makePasskey()
  refusal = 400
  await page.goto(`${site.origin}/tenant/sign_in`)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await expect.poll(() => status.textContent()).toContain('This passkey was not accepted')
})

it('follows the server nowhere but to itself', async () => {
  const { page, status } = await makePasskey()
  goTo = 'https://evil.example/'
  await page.goto(`${site.origin}/tenant/sign_in`)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await expect.poll(() => status.textContent()).toContain('That did not work')
  expect(page.url()).toBe(`${site.origin}/tenant/sign_in`)
})

it('adds one on the account page, and shows the page anew', async () => {
  const { page } = await open('account')
  const reloaded = page.waitForEvent('load')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await reloaded
})
