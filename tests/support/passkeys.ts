import type { ServerContext } from '../../server/src/context.ts'
import { type Authenticator, createAuthenticator, type Misbehaviour } from './authenticator.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  type Page,
  type TestBrowser,
} from './people.ts'

/** What the first half of a ceremony answered. */
export interface Begun<Options> {
  options: Options & Record<string, unknown>
  ceremony: string
}

export type CreationOptions = Parameters<Authenticator['create']>[0]
export type RequestOptions = Parameters<Authenticator['get']>[0]

/** Begins a ceremony, as the script of our pages does. */
export async function beginCeremony<Options>(
  browser: TestBrowser,
  kind: 'registration' | 'authentication',
): Promise<Begun<Options>> {
  const { status, text } = await browser.postJson(`/passkeys/${kind}/options`, {})
  if (status !== 200) throw new Error(`The options were refused: ${status} ${text}`)
  return JSON.parse(text) as Begun<Options>
}

/** Registers a passkey for who is signed in. */
export async function registerPasskey(
  browser: TestBrowser,
  authenticator: Authenticator,
  wrong?: Misbehaviour,
): Promise<Page> {
  const { options, ceremony } = await beginCeremony<CreationOptions>(browser, 'registration')
  const response = authenticator.create(options, wrong)
  return browser.postJson('/passkeys/registration', { ceremony, response, name: 'My laptop' })
}

/** A browser that has seen the sign-in page, and nothing else. */
export async function createStranger(context: ServerContext): Promise<TestBrowser> {
  const browser = createTestBrowser(context)
  await browser.get('/sign-in')
  return browser
}

/** Signs in by passkey in a new browser, on the way to `/device`. */
export async function signInByPasskey(
  context: ServerContext,
  authenticator: Authenticator,
  wrong?: Misbehaviour,
) {
  const browser = await createStranger(context)
  const { options, ceremony } = await beginCeremony<RequestOptions>(browser, 'authentication')
  const response = authenticator.get(options, wrong)
  const body = { ceremony, response, return_to: '/device' }
  return { browser, ceremony, response, ...(await browser.postJson('/passkeys/authentication', body)) }
}

let count = 0

/** Somebody who is signed in and has one passkey. */
export async function createPasskeyOwner(context: ServerContext, usesCounter = true) {
  count += 1
  const user = await createAccount(context, `passkey.owner${count}@example.com`)
  const browser = await createSignedInBrowser(context, user.email)
  const authenticator = createAuthenticator(context.issuer.origin, usesCounter)
  const { status } = await registerPasskey(browser, authenticator)
  if (status !== 200) throw new Error(`The passkey was refused: ${status}`)
  return { user, browser, authenticator }
}
