import { createHash, randomBytes } from 'node:crypto'
import type { Browser } from '../../browser.ts'
import { type HttpResponse, headerOf, prepareRequest } from '../../http_connection.ts'
import type { Walk } from '../../walk.ts'
import { HOST, REDIRECT_URI, SCOPE } from './admin.ts'

/**
 * An authorization, played by a browser and by the login and consent app that Hydra leaves to its operator, as its manual describes
 * one; leads to a refresh token. The app remembers the sign-in, so that it is skipped from the second time, and never the consent.
 * What the app's own pages would cost is not in it.
 */
export function* authorize(browser: Browser, clientId: string, subject: string): Walk<string> {
  const verifier = randomBytes(32).toString('base64url')
  const begun = yield browser.get(`/oauth2/auth?${authorizationRequest(clientId, verifier)}`)
  browser.follow(begun)
  const login = challengeOf(begun, 'login')
  const signIn = { subject, remember: true, remember_for: 86_400 }
  const signedIn = yield browser.get(yield* accept('login', login, signIn))
  browser.follow(signedIn)
  const consent = challengeOf(signedIn, 'consent')
  const granted = { grant_scope: SCOPE.split(' '), remember: false }
  const sentBack = yield browser.get(yield* accept('consent', consent, granted))
  browser.follow(sentBack)
  return yield* exchange(clientId, sentBack, verifier)
}

export function refreshTokenOf(body: string): string | undefined {
  return /"refresh_token":"([^"]+)"/.exec(body)?.[1]
}

function authorizationRequest(clientId: string, verifier: string): URLSearchParams {
  return new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    scope: SCOPE,
    state: 'a state that is long enough',
  })
}

type Part = 'login' | 'consent'

function challengeOf(response: HttpResponse, part: Part): string {
  return new RegExp(`${part}_challenge=([^&]+)`).exec(headerOf(response, 'location') ?? '')?.[1] ?? ''
}

/** The app reads what is asked for and accepts it; leads to where it sends the browser then. */
function* accept(part: Part, challenge: string, decision: object): Generator<string, string, HttpResponse> {
  const path = `/admin/oauth2/auth/requests/${part}`
  const query = `${part}_challenge=${challenge}`
  yield prepareRequest({ method: 'GET', path: `${path}?${query}`, host: HOST })()
  const { body } = yield put(`${path}/accept?${query}`, JSON.stringify(decision))
  const url = /"redirect_to":"([^"]+)"/.exec(body)?.[1]?.replaceAll('\\u0026', '&') ?? ''
  return url.replace(`https://${HOST}`, '')
}

function put(path: string, body: string): string {
  const fields = `Host: ${HOST}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  return `PUT ${path} HTTP/1.1\r\n${fields}\r\n\r\n${body}`
}

function* exchange(clientId: string, sentBack: HttpResponse, verifier: string): Walk<string> {
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code: /[?&]code=([^&]+)/.exec(headerOf(sentBack, 'location') ?? '')?.[1] ?? '',
    code_verifier: verifier,
  })
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const request = prepareRequest({ method: 'POST', path: '/oauth2/token', host: HOST, headers })
  const { status, body } = yield request(form.toString())
  return status === 200 && body.includes('"access_token":"ey') ? refreshTokenOf(body) : undefined
}
