import { createHash, randomBytes } from 'node:crypto'
import type { Browser } from '../../browser.ts'
import { cookiesOf, type HttpResponse, headerOf, prepareRequest } from '../../http_connection.ts'
import type { Walk } from '../../walk.ts'
import { APP, PASSWORD, REALM, REDIRECT_URI, STRANGER, usernameOf } from './realm.ts'

const BASE = `/realms/${REALM}/protocol/openid-connect`

/** The page of the sign-in, and the password; leads to the cookie of the session. */
export function* signIn(browser: Browser, person: number): Walk<string> {
  const { query } = authorizationRequest(APP)
  const answer = yield* submitPassword(browser, yield browser.get(`${BASE}/auth?${query}`), person)
  return cookiesOf(answer).get('KEYCLOAK_IDENTITY')
}

/** A sign-in as well, with what it was for: leads to a refresh token. */
export function* signInForTokens(host: string, browser: Browser, person: number): Walk<string> {
  const { query, verifier } = authorizationRequest(APP)
  const answer = yield* submitPassword(browser, yield browser.get(`${BASE}/auth?${query}`), person)
  return yield* exchange(host, APP, answer, verifier)
}

/**
 * An authorization in a browser that has signed in; leads to a refresh token. `prompt=consent` asks again although consent was given.
 */
export function* authorize(host: string, browser: Browser): Walk<string> {
  const { query, verifier } = authorizationRequest(STRANGER)
  const begun = yield browser.get(`${BASE}/auth?${query}&prompt=consent`)
  browser.follow(begun)
  const page = yield browser.get(pathOf(headerOf(begun, 'location') ?? ''))
  browser.follow(page)
  const form = new URLSearchParams({ code: hiddenValueOf(page, 'code'), accept: 'Yes' })
  const answer = yield browser.post(actionOf(page), form.toString())
  browser.follow(answer)
  return yield* exchange(host, STRANGER, answer, verifier)
}

export function refreshTokenOf(body: string): string | undefined {
  return /"refresh_token":"([^"]+)"/.exec(body)?.[1]
}

function authorizationRequest(clientId: string): { query: URLSearchParams; verifier: string } {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: 'state',
  })
  return { query, verifier }
}

function* submitPassword(
  browser: Browser,
  page: HttpResponse,
  person: number,
): Generator<string, HttpResponse, HttpResponse> {
  browser.follow(page)
  const form = new URLSearchParams({ username: usernameOf(person), password: PASSWORD, credentialId: '' })
  const answer = yield browser.post(actionOf(page), form.toString())
  browser.follow(answer)
  return answer
}

function* exchange(host: string, clientId: string, answer: HttpResponse, verifier: string): Walk<string> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code: /[?&]code=([^&]+)/.exec(headerOf(answer, 'location') ?? '')?.[1] ?? '',
    code_verifier: verifier,
  })
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const { status, body } = yield prepareRequest({ method: 'POST', path: `${BASE}/token`, host, headers })(
    form.toString(),
  )
  return status === 200 && body.includes('"access_token":"ey') ? refreshTokenOf(body) : undefined
}

/** Where the form of a page leads; nowhere is an empty string. */
function actionOf({ body }: HttpResponse): string {
  return pathOf(/<form[^>]* action="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? '')
}

/** What a hidden field of a page holds; empty where there is none. */
function hiddenValueOf({ body }: HttpResponse, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
}

function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/]+/, '')
}
