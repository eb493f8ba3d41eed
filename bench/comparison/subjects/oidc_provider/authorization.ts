import { createHash, randomBytes } from 'node:crypto'
import { Browser } from '../../browser.ts'
import { type HttpResponse, openConnection, prepareRequest } from '../../http_connection.ts'
import { type Walk, walkOnce } from '../../walk.ts'
import { loginOf, passwordOf } from './accounts.ts'
import { NATIVE_APP, RESOURCE, SCOPE } from './clients.ts'

const REQUEST = new URLSearchParams({
  response_type: 'code',
  client_id: NATIVE_APP.client_id,
  redirect_uri: NATIVE_APP.redirect_uri,
  scope: SCOPE,
  resource: RESOURCE,
  code_challenge_method: 'S256',
})

const CODE = new RegExp(`^${NATIVE_APP.redirect_uri}\\?code=([\\w-]+)&state=([\\w-]+)`)

/** Signs a browser in, as the person of that number. */
export async function signedInBrowser(port: number, index: number): Promise<Browser> {
  const browser = new Browser(`http://127.0.0.1:${port}`)
  const connection = await openConnection(port)
  await walkOnce(connection, signIn(browser, index))
  connection.close()
  return browser
}

/** Up to the question for consent, which is left alone. */
function* signIn(browser: Browser, index: number): Walk<true> {
  const loginPath = browser.follow(yield browser.get(authorizationPath(newPkce())))
  const page: HttpResponse = yield browser.get(loginPath)
  if (!page.body.includes(`${loginPath}/login`)) return undefined
  const credentials = new URLSearchParams({ login: loginOf(index), password: passwordOf(index) })
  const resumePath = browser.follow(yield browser.post(`${loginPath}/login`, `${credentials}`))
  if (!resumePath.startsWith('/auth/')) return undefined
  const consentPath = browser.follow(yield browser.get(resumePath))
  return consentPath.startsWith('/interaction/') || undefined
}

/** A whole authorization by somebody who has signed in; the refresh token that comes of it. */
export function* authorization(host: string, browser: Browser): Walk<string> {
  const pkce = newPkce()
  const consentPath = browser.follow(yield browser.get(authorizationPath(pkce)))
  if (!consentPath.startsWith('/interaction/')) return undefined
  const page: HttpResponse = yield browser.get(consentPath)
  if (page.status !== 200 || !page.body.includes(`${consentPath}/confirm`)) return undefined
  const resumePath = browser.follow(yield browser.post(`${consentPath}/confirm`, ''))
  if (!resumePath.startsWith('/auth/')) return undefined
  const [, code, state] = CODE.exec(browser.follow(yield browser.get(resumePath))) ?? []
  if (code === undefined || state !== pkce.state) return undefined
  return refreshTokenOf(yield askTokenEndpoint(host)(exchangeOf(code, pkce)))
}

/** The refresh token of an answer that also has an access token, which is a JWT. */
export function refreshTokenOf({ status, body }: HttpResponse): string | undefined {
  if (status !== 200 || !body.includes('"access_token":"eyJ')) return undefined
  return /"refresh_token":"([^"]+)"/.exec(body)?.[1]
}

/** Makes requests for tokens, by a client that is public. */
export function askTokenEndpoint(host: string): (body: string) => string {
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  return prepareRequest({ method: 'POST', path: '/token', host, headers })
}

interface Pkce {
  verifier: string
  state: string
}

function newPkce(): Pkce {
  return { verifier: randomBytes(32).toString('base64url'), state: randomBytes(16).toString('base64url') }
}

function authorizationPath({ verifier, state }: Pkce): string {
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  return `/auth?${REQUEST}&code_challenge=${challenge}&state=${state}`
}

function exchangeOf(code: string, { verifier }: Pkce): string {
  const { client_id, redirect_uri } = NATIVE_APP
  const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, client_id, redirect_uri }
  return `${new URLSearchParams({ ...fields, resource: RESOURCE })}`
}
