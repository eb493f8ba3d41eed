import { createHash, randomBytes } from 'node:crypto'
import { type HttpResponse, prepareRequest } from '../../http_connection.ts'
import type { Steps } from '../../steps.ts'
import { Browser, locationOf } from '../keycloak/browser.ts'
import { REDIRECT_URI, SCOPE } from './admin.ts'

/** The name under which all reach it. */
export const HOST = 'hydra.example'

/**
 * An authorization, played by a browser and by the login and consent app that Hydra leaves to its operator, as its manual describes
 * one. The app remembers the sign-in, so that it is skipped from the second time, and never the consent. What the app's own pages
 * would cost is not in it.
 */
export function* authorize(
  browser: Browser,
  clientId: string,
  subject: string,
  keep?: (token: string) => void,
): Steps {
  const verifier = randomBytes(32).toString('base64url')
  const begun = browser.take(yield browser.get(`/oauth2/auth?${authorizationRequest(clientId, verifier)}`))
  const login = challengeOf(begun, 'login')
  const { body: loginRequest } = yield getRequest('login', login)
  if (!loginRequest.includes('"challenge":')) return false
  const signIn = { subject, remember: true, remember_for: 86_400 }
  const signedIn = browser.take(yield browser.get(redirectOf(yield accept('login', login, signIn))))
  const consent = challengeOf(signedIn, 'consent')
  const { body: consentRequest } = yield getRequest('consent', consent)
  if (!consentRequest.includes('"requested_scope":')) return false
  const granted = { grant_scope: SCOPE.split(' '), remember: false }
  const sentBack = browser.take(yield browser.get(redirectOf(yield accept('consent', consent, granted))))
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code: /[?&]code=([^&]+)/.exec(locationOf(sentBack))?.[1] ?? '',
    code_verifier: verifier,
  })
  const { status, body } = yield new Browser(HOST).post('/oauth2/token', form)
  const token = refreshTokenOf(body)
  if (token !== undefined) keep?.(token)
  return status === 200 && body.includes('"access_token":"ey') && token !== undefined
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
  return new RegExp(`${part}_challenge=([^&]+)`).exec(locationOf(response))?.[1] ?? ''
}

/** Where the app sends the browser once it has accepted. */
function redirectOf({ body }: HttpResponse): string {
  return /"redirect_to":"([^"]+)"/.exec(body)?.[1]?.replaceAll('\\u0026', '&') ?? ''
}

function getRequest(part: Part, challenge: string): string {
  const path = `/admin/oauth2/auth/requests/${part}?${part}_challenge=${challenge}`
  return prepareRequest({ method: 'GET', path, host: HOST })()
}

function accept(part: Part, challenge: string, decision: object): string {
  const path = `/admin/oauth2/auth/requests/${part}/accept?${part}_challenge=${challenge}`
  const body = JSON.stringify(decision)
  const fields = `Host: ${HOST}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  return `PUT ${path} HTTP/1.1\r\n${fields}\r\n\r\n${body}`
}
