import { type Browser, createBrowser, type Page } from './browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  type Granted,
  type Pkce,
  registerClient,
  requestToken,
  signIn,
} from './flow.ts'
import { OWNER, type TestServer } from './server.ts'

export const WEB_REDIRECT_URI = 'https://app.example/callback'

type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>

/** An authorization code that was issued and not exchanged yet. */
export interface ObtainedCode {
  clientId: string
  code: string
  pkce: Pkce
  browser: Browser
}

/** The way to a code, and no further. */
export async function obtainCode(
  server: TestServer,
  options: { clientId?: string; parameters?: Parameters; browser?: Browser; person?: typeof OWNER } = {},
): Promise<ObtainedCode> {
  const clientId = options.clientId ?? (await registerClient(server))
  const browser = options.browser ?? createBrowser(server)
  const pkce = createPkce()
  const sentTo = await authorize(server, authorizeUrl(clientId, pkce, options.parameters), {
    ...options,
    browser,
  })
  const code = sentTo.searchParams.get('code')
  if (code === null) throw new Error(`There is no code in ${sentTo.search}`)
  return { clientId, code, pkce, browser }
}

/** Exchanges a code; a change of undefined leaves a parameter out. */
export function exchange(
  server: TestServer,
  { clientId, code, pkce }: Pick<Granted, 'clientId' | 'code' | 'pkce'>,
  changes: Record<string, string | undefined> = {},
  headers: Record<string, string> = {},
) {
  const all = {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: pkce.verifier,
    ...changes,
  }
  const parameters = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return requestToken(server, Object.fromEntries(parameters), headers)
}

/** Invites somebody, who chooses the owner's kind of password, and returns who it is. */
export async function invite(server: TestServer, email: string, role = 'member'): Promise<typeof OWNER> {
  const before = server.mails.length
  const created = await server.manage<{ link?: string }>('POST', '/invitations', { email, role })
  await waitFor(() => created.link !== undefined || server.mails.length > before)
  const link = created.link ?? linkIn(server.mails.at(-1)?.text ?? '')
  const browser = createBrowser(server)
  const page = await browser.open(link)
  const password = 'a guest types these nine words every single day'
  const joined = await browser.submit(page, { password }, '/invitation')
  if (joined.status !== 200) throw new Error(`The invitation answered ${joined.status}: ${joined.text()}`)
  return { email, password }
}

/** The first link of a mail. */
export function linkIn(text: string): string {
  const [link] = /https?:\/\/\S+/.exec(text) ?? []
  if (link === undefined) throw new Error(`There is no link in: ${text}`)
  return link
}

/** Waits for what the server does in the background. */
export async function waitFor(isDone: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !isDone(); round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  if (!isDone()) throw new Error('It did not happen within two seconds.')
}

/** Long enough for work in the background that must not happen. */
export function waitForNothing(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100))
}

/** A browser in which somebody has signed in, on the account page. */
export async function createSignedInBrowser(
  server: TestServer,
  person = OWNER,
  clientAddress?: string,
): Promise<{ browser: Browser; account: Page }> {
  const browser = createBrowser(server, clientAddress)
  const account = await signIn(browser, await browser.open('/sign-in'), person)
  if (!account.url.endsWith('/account'))
    throw new Error(`${person.email} could not sign in: ${account.text()}`)
  return { browser, account }
}

export async function isSignedIn(browser: Browser): Promise<boolean> {
  const page = await browser.open('/account')
  return new URL(page.url, 'http://localhost').pathname === '/account' && page.status === 200
}

type Pairs = readonly (readonly [string, string])[]

function isPairs(fields: Record<string, string> | Pairs): fields is Pairs {
  return Array.isArray(fields)
}

/** Posts a form without any browser around it. */
export function postForm(
  server: TestServer,
  path: string,
  fields: Record<string, string> | Pairs,
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = new URLSearchParams(isPairs(fields) ? fields.map(([name, value]) => [name, value]) : fields)
  return server.fetch(path, { method: 'POST', body, headers })
}

export function postJson(
  server: TestServer,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return server.fetch(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

/** An Authorization header with HTTP Basic, both parts form-encoded (RFC 6749 §2.3.1). */
export function basic(id: string, secret: string): { Authorization: string } {
  const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`
  return { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
