import type { ServerContext } from '../../server/src/context.ts'
import {
  account,
  endAccountSession,
  removeAccountIdentity,
  removeAccountPasskey,
  revokeAccountAuthorization,
} from '../../server/src/endpoints/account.ts'
import { changeAccountPassword } from '../../server/src/endpoints/account_password.ts'
import { devInbox } from '../../server/src/endpoints/dev_inbox.ts'
import { signInByCode } from '../../server/src/endpoints/email_code.ts'
import { logout } from '../../server/src/endpoints/end_session.ts'
import { invitation } from '../../server/src/endpoints/invitation.ts'
import {
  passkeyAuthentication,
  passkeyAuthenticationOptions,
  passkeyRegistration,
  passkeyRegistrationOptions,
} from '../../server/src/endpoints/passkeys.ts'
import { passwordReset, passwordResetRequest } from '../../server/src/endpoints/password_reset.ts'
import { setup } from '../../server/src/endpoints/setup.ts'
import { signIn } from '../../server/src/endpoints/sign_in.ts'
import { renderErrorForPeople, renderErrorJson } from '../../server/src/http/failure.ts'
import type { ConnectionInfo } from '../../server/src/options.ts'
import { newId } from '../../server/src/random.ts'
import { hashPassword } from '../../server/src/sign_in/password_hash.ts'

type Endpoint = (context: ServerContext, request: Request, info: ConnectionInfo) => Promise<Response>

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/sign-in': signIn,
  '/sign-in/code': signInByCode,
  '/passkeys/authentication/options': passkeyAuthenticationOptions,
  '/passkeys/authentication': passkeyAuthentication,
  '/passkeys/registration/options': passkeyRegistrationOptions,
  '/passkeys/registration': passkeyRegistration,
  '/account': account,
  '/account/authorizations/revoke': revokeAccountAuthorization,
  '/account/sessions/revoke': endAccountSession,
  '/account/passkeys/remove': removeAccountPasskey,
  '/account/identities/remove': removeAccountIdentity,
  '/account/password': changeAccountPassword,
  '/setup': setup,
  '/invitation': invitation,
  '/password-reset': passwordResetRequest,
  '/password-reset/new': passwordReset,
  '/logout': logout,
  '/dev/inbox': devInbox,
}

/** What a page answered, read to its end. */
export interface Page {
  status: number
  headers: Headers
  text: string
  location: string | null
}

/** A browser of one person: it keeps cookies, and sends forms with the token of the last page that it saw. */
export interface TestBrowser {
  cookies: Map<string, string>
  csrf: string
  info: ConnectionInfo
  get(path: string): Promise<Page>
  /** Sends a form with the token in `csrf`, unless `fields` has one. */
  post(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Page>
  /** Sends JSON, as the script of our pages does. */
  postJson(path: string, body: unknown): Promise<Page>
}

export function createTestBrowser(context: ServerContext, clientAddress = '192.0.2.1'): TestBrowser {
  const { origin, basePath } = context.issuer
  const browser: TestBrowser = {
    cookies: new Map(),
    csrf: '',
    info: { clientAddress, loopback: false },
    get: (path) => send(path, { method: 'GET' }),
    post(path, fields, headers = {}) {
      const body = new URLSearchParams({ csrf: browser.csrf, ...fields }).toString()
      return send(path, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: origin, ...headers },
      })
    },
    postJson: (path, body) =>
      send(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', Origin: origin, 'X-CSRF-Token': browser.csrf },
      }),
  }

  async function send(
    path: string,
    init: { method: string; body?: string; headers?: Record<string, string> },
  ) {
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = new Headers(init.headers)
    if (cookie !== '') headers.set('Cookie', cookie)
    const request = new Request(`${origin}${basePath}${path}`, { ...init, headers })
    const [route = ''] = path.split('?', 1)
    const endpoint = ENDPOINTS[route]
    if (endpoint === undefined) throw new Error(`There is no ${route}.`)
    const render = route.startsWith('/passkeys') ? renderErrorJson : renderErrorForPeople
    const response = await endpoint(context, request, browser.info).catch((error: unknown) =>
      render(context, request, error),
    )
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]?.split('=') ?? []
      if (line.includes('Max-Age=0')) browser.cookies.delete(name)
      else browser.cookies.set(name, value)
    }
    const text = await response.text()
    browser.csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? browser.csrf
    return {
      status: response.status,
      headers: response.headers,
      text,
      location: response.headers.get('Location'),
    }
  }
  return browser
}

export const PASSWORD = 'correct horse battery staple'

/** Makes an account with a password. */
export async function createAccount(
  context: ServerContext,
  email: string,
  options: { by?: 'mail' | 'administrator' | 'operator'; password?: string | undefined } = {},
): Promise<{ id: string; email: string }> {
  const { by = 'mail', password = PASSWORD } = options
  const id = newId('usr_')
  const now = new Date(context.now())
  await context.storage.createUser({ id, email, email_verified_by: by }, now)
  const password_hash = await hashPassword(password, context.stretching)
  await context.storage.setPassword({ id: newId('crd_'), user_id: id, password_hash }, now)
  return { id, email }
}

/** A browser in which somebody has signed in by password. */
export async function createSignedInBrowser(
  context: ServerContext,
  email: string,
  password: string = PASSWORD,
): Promise<TestBrowser> {
  const browser = createTestBrowser(context)
  await browser.get('/sign-in')
  const { status } = await browser.post('/sign-in', { email, password })
  if (status !== 303) throw new Error(`The sign-in answered ${status}.`)
  await browser.get('/account')
  return browser
}

/** Lets what runs in the background end. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100))
}
