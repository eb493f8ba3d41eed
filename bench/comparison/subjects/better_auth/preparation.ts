import { randomUUID } from 'node:crypto'
import { createPkce } from '../../../../tests/support/flow.ts'
import { Cookies } from '../../cookies.ts'
import { type HttpConnection, type HttpResponse, prepareRequest } from '../../http_connection.ts'
import {
  authorizationPath,
  CONSENT_PATH,
  codeBody,
  codeOf,
  consentBody,
  consentQueryOf,
  FORM,
  FROM_PAGE,
  HOST,
  REGISTRATION,
  refreshBody,
} from './site.ts'

export interface Account {
  email: string
  password: string
  /** Of a browser that has signed in. */
  cookies: Cookies
}

/** A client that registered itself, with what it was granted by an account. */
export interface Grant {
  clientId: string
  account: Account
  accessToken: string
  refreshToken: string
}

export const REGISTER = request('/api/auth/oauth2/register', { 'Content-Type': 'application/json' })
export const SIGN_IN = request('/api/auth/sign-in/email', FROM_PAGE)
export const TOKEN = request('/api/auth/oauth2/token', FORM)
const SIGN_UP = request('/api/auth/sign-up/email', FROM_PAGE)

export async function createAccount(connection: HttpConnection): Promise<Account> {
  const email = `${randomUUID()}@example.com`
  const password = 'correct horse battery staple'
  const cookies = new Cookies()
  cookies.take(await ask(connection, SIGN_UP(JSON.stringify({ name: 'Somebody', email, password }))))
  return { email, password, cookies }
}

export async function registerClient(connection: HttpConnection): Promise<string> {
  const { body } = await ask(connection, REGISTER(REGISTRATION), 201)
  return (JSON.parse(body) as { client_id: string }).client_id
}

export async function grantAccess(connection: HttpConnection, account: Account): Promise<Grant> {
  const clientId = await registerClient(connection)
  const pkce = createPkce()
  const Cookie = account.cookies.field
  const asked = await ask(connection, get(authorizationPath(clientId, pkce), { Cookie }), 302)
  const consent = consentBody(consentQueryOf(asked) ?? '')
  const allowed = await ask(connection, request(CONSENT_PATH, { ...FROM_PAGE, Cookie })(consent))
  const { body } = await ask(connection, TOKEN(codeBody(clientId, pkce, codeOf(allowed) ?? '')))
  return { clientId, account, ...tokensOf(body) }
}

export async function refresh(connection: HttpConnection, grant: Grant): Promise<Grant> {
  const { body } = await ask(connection, TOKEN(refreshBody(grant.clientId, grant.refreshToken)))
  return { ...grant, ...tokensOf(body) }
}

export async function signOut(connection: HttpConnection, { cookies }: Account): Promise<void> {
  await ask(connection, request('/api/auth/sign-out', { ...FROM_PAGE, Cookie: cookies.field })('{}'))
}

function tokensOf(body: string): { accessToken: string; refreshToken: string } {
  const { access_token, refresh_token } = JSON.parse(body) as { access_token: string; refresh_token: string }
  return { accessToken: access_token, refreshToken: refresh_token }
}

function request(path: string, headers: Readonly<Record<string, string>>): (body: string) => string {
  return prepareRequest({ method: 'POST', path, host: HOST, headers })
}

function get(path: string, headers: Readonly<Record<string, string>>): string {
  return prepareRequest({ method: 'GET', path, host: HOST, headers })()
}

/** @throws Error where the answer is another than expected */
async function ask(connection: HttpConnection, asked: string, status = 200): Promise<HttpResponse> {
  const response = await connection.ask(asked)
  if (response.status === status) return response
  const [line] = asked.split('\r\n', 1)
  throw new Error(`${line} was answered with ${response.status} ${response.body.slice(0, 300)}`)
}
