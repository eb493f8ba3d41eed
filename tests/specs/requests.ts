import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { signIn } from '../support/flow.ts'
import { OWNER, type TestServer } from '../support/server.ts'

/** What an endpoint answered, its JSON parsed; an empty body is {}. */
export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

/** undefined leaves a parameter out, a list repeats it. */
export function formOf(parameters: Parameters): URLSearchParams {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of value === undefined ? [] : [value].flat()) form.append(name, one)
  }
  return form
}

/** Posts a form, as the endpoints for clients expect it. */
export async function postForm(
  server: TestServer,
  path: string,
  parameters: Parameters,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return toAnswer(await server.fetch(path, { method: 'POST', body: formOf(parameters), headers }))
}

/** Sends JSON, or `body` as it is where it is text already. */
export async function postJson(
  server: TestServer,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await server.fetch(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })
  return toAnswer(response)
}

export async function getJson(
  server: TestServer,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return toAnswer(await server.fetch(path, { headers }))
}

async function toAnswer(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : {} }
}

/** HTTP Basic with both parts form-encoded first (RFC 6749 §2.3.1). */
export function basic(clientId: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString('base64')}`
}

/** A client as its owner registered it through the management API, with RFC 7591 names. */
export type RegisteredClient = Record<string, unknown> & { client_id: string; client_secret: string }

export function createClient(
  server: TestServer,
  fields: Record<string, unknown> = {},
): Promise<RegisteredClient> {
  return server.manage<RegisteredClient>('POST', '/clients', {
    client_name: 'Registered client',
    redirect_uris: [WEB_REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...fields,
  })
}

export const WEB_REDIRECT_URI = 'https://client.example.com/callback'

/** Where a browser, signed in or not, is sent by an authorization request that nobody has to answer. */
export async function sentTo(
  server: TestServer,
  url: string,
  browser: Browser = createBrowser(server),
): Promise<URL> {
  const page = await browser.open(url)
  if (page.leftTo === undefined) throw new Error(`The browser stayed (${page.status}): ${page.text()}`)
  return page.leftTo
}

/** A browser in which somebody has signed in, on no authorization's occasion. */
export async function signedIn(server: TestServer, person = OWNER): Promise<Browser> {
  const browser = createBrowser(server)
  const page = await signIn(browser, await browser.open('/sign-in'), person)
  if (page.status !== 200) throw new Error(`Signing in answered ${page.status}: ${page.text()}`)
  return browser
}

/** Whether this page asks for consent. */
export function asksForConsent(page: Page): boolean {
  return page.html.querySelector('form[action$="/consent"]') !== null
}

/** Whether this page asks for a sign-in. */
export function asksForSignIn(page: Page): boolean {
  return page.html.querySelector('form[action$="/sign-in"]') !== null
}

/** The scopes that a consent page offers. */
export function offeredScopes(page: Page): string[] {
  return page.html.querySelectorAll('input[name="scope"]').map((input) => input.getAttribute('value') ?? '')
}

/** Invites somebody, who accepts; returns what he signs in with. */
export async function addPerson(server: TestServer, email: string): Promise<typeof OWNER> {
  const password = 'staple battery horse correct'
  await server.manage('POST', '/invitations', { email })
  const link = /http\S+/.exec(server.mails.at(-1)?.text ?? '')?.[0]
  if (link === undefined) throw new Error(`${email} got no invitation.`)
  const browser = createBrowser(server)
  const page = await browser.submit(await browser.open(link), { password })
  if (page.status !== 200) throw new Error(`Accepting answered ${page.status}: ${page.text()}`)
  return { email, password }
}

/** The error code in a place where an authorization error was sent to. */
export function errorIn(url: URL): string | null {
  return url.searchParams.get('error')
}

/** The claims of a JWT, unverified. */
export function claimsOf(jwt: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString())
}

/** The header of a JWT. */
export function headerOf(jwt: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(jwt).split('.')[0] ?? '', 'base64url').toString())
}
