import { randomBytes } from 'node:crypto'
import { createPkce } from '../../../../tests/support/flow.ts'
import type { Cookies } from '../../cookies.ts'
import { headerOf, prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asker, refreshing } from '../../many_users.ts'
import { type Walk, walkingUser } from '../../walk.ts'
import { type Account, type Grant, SIGN_IN, TOKEN } from './preparation.ts'
import {
  authorizationPath,
  CONSENT_PAGE,
  CONSENT_PATH,
  codeBody,
  codeOf,
  consentBody,
  consentQueryOf,
  FORM,
  FROM_PAGE,
  HOST,
  refreshBody,
} from './site.ts'

/** Asks for one token after the other, as many users side by side as there are. */
export function introspectors(
  count: number,
  { tokens, authorization, isActive }: Introspection,
): readonly VirtualUser[] {
  const ask = prepareRequest({
    method: 'POST',
    path: '/api/auth/oauth2/introspect',
    host: HOST,
    headers: { ...FORM, Authorization: authorization },
  })
  const expected = `"active":${isActive}`
  return Array.from({ length: count }, () =>
    asker(
      () => ask(`token=${tokens()}&token_type_hint=access_token`),
      ({ status, body }) => status === 200 && body.includes(expected),
    ),
  )
}

export interface Introspection {
  /** The next one. */
  tokens: () => string
  authorization: string
  isActive: boolean
}

/** One after the other, and again from the first. */
export function inTurn(tokens: readonly string[]): () => string {
  let index = 0
  return () => tokens[index++ % tokens.length] as string
}

export function rubbish(): string {
  return randomBytes(32).toString('base64url')
}

/** Goes along the chain of refresh tokens that begins with a grant. */
export function refresher({ clientId, refreshToken }: Grant): VirtualUser {
  return refreshing(refreshToken, (token) => TOKEN(refreshBody(clientId, token)))
}

export function passwordUser({ email, password }: Account): VirtualUser {
  const request = SIGN_IN(JSON.stringify({ email, password }))
  return asker(
    () => request,
    (response) => response.status === 200 && headerOf(response, 'set-cookie') !== undefined,
  )
}

/** Authorizes a client in a browser that has signed in: the request, the page that it leads to, the consent, the exchange of the code. */
export function authorizer(clientId: string, { cookies }: Account): VirtualUser {
  return walkingUser(() => authorize(clientId, cookies))
}

function* authorize(clientId: string, cookies: Cookies): Walk<true> {
  const pkce = createPkce()
  const query = consentQueryOf(cookies.take(yield get(authorizationPath(clientId, pkce), cookies)))
  if (query === undefined) return undefined
  const page = yield get(`${CONSENT_PAGE}?${query}`, cookies)
  if (page.status !== 200) return undefined
  const headers = { ...FROM_PAGE, Cookie: cookies.field }
  const allow = prepareRequest({ method: 'POST', path: CONSENT_PATH, host: HOST, headers })
  const code = codeOf(cookies.take(yield allow(consentBody(query))))
  if (code === undefined) return undefined
  const { status, body } = yield TOKEN(codeBody(clientId, pkce, code))
  const isRight = status === 200 && body.includes('"access_token":"ey') && body.includes('"refresh_token":"')
  return isRight || undefined
}

function get(path: string, cookies: Cookies): string {
  return prepareRequest({ method: 'GET', path, host: HOST, headers: { Cookie: cookies.field } })()
}
