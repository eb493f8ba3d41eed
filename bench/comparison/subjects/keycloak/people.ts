import { createHash, randomBytes } from 'node:crypto'
import type { HttpResponse } from '../../http_connection.ts'
import type { Steps } from '../../steps.ts'
import { actionOf, type Browser, hiddenValueOf, locationOf } from './browser.ts'
import { APP, PASSWORD, REALM, REDIRECT_URI, STRANGER, usernameOf } from './realm.ts'

const BASE = `/realms/${REALM}/protocol/openid-connect`
/** The session of a browser that has signed in. */
const SESSION = 'KEYCLOAK_IDENTITY'

/** The page of the sign-in, and the password. */
export function* signIn(browser: Browser, person: number): Steps {
  const { query } = authorizationRequest(APP)
  const page = browser.take(yield browser.get(`${BASE}/auth?${query}`))
  browser.take(yield submitPassword(browser, page, person))
  return browser.has(SESSION)
}

/** A sign-in as well, and what it was for: a refresh token. */
export function* signInForTokens(browser: Browser, person: number, keep: (token: string) => void): Steps {
  const { query, verifier } = authorizationRequest(APP)
  const page = browser.take(yield browser.get(`${BASE}/auth?${query}`))
  const sentBack = browser.take(yield submitPassword(browser, page, person))
  const { status, body } = yield exchange(browser, APP, sentBack, verifier)
  const token = refreshTokenOf(body)
  if (token !== undefined) keep(token)
  return status === 200 && token !== undefined
}

/** An authorization in a browser that has signed in. `prompt=consent` asks again although consent was given. */
export function* authorize(browser: Browser): Steps {
  const { query, verifier } = authorizationRequest(STRANGER)
  const asked = browser.take(yield browser.get(`${BASE}/auth?${query}&prompt=consent`))
  const page = asked.status === 302 ? browser.take(yield browser.get(locationOf(asked))) : asked
  const consent = new URLSearchParams({ code: hiddenValueOf(page, 'code'), accept: 'Yes' })
  const sentBack = browser.take(yield browser.post(actionOf(page), consent))
  const { status, body } = yield exchange(browser, STRANGER, sentBack, verifier)
  return status === 200 && body.includes('"access_token":"ey') && refreshTokenOf(body) !== undefined
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

function submitPassword(browser: Browser, page: HttpResponse, person: number): string {
  const form = new URLSearchParams({ username: usernameOf(person), password: PASSWORD, credentialId: '' })
  return browser.post(actionOf(page), form)
}

function exchange(browser: Browser, clientId: string, sentBack: HttpResponse, verifier: string): string {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code: /[?&]code=([^&]+)/.exec(locationOf(sentBack))?.[1] ?? '',
    code_verifier: verifier,
  })
  // The app asks for itself, not in the browser.
  return browser.withoutCookies().post(`${BASE}/token`, form)
}
