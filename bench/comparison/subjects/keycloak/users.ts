import { randomBytes } from 'node:crypto'
import { Browser } from '../../browser.ts'
import { prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { WORKS, type Work } from '../../subject.ts'
import { walkingUser } from '../../walk.ts'
import { createPeople } from './admin.ts'
import { authorize, refreshTokenOf, signIn, signInForTokens } from './people.ts'
import { APP, MACHINE, REALM, REDIRECT_URI } from './realm.ts'
import { issueToken, revoke, walkAll } from './setting_up.ts'

export const KEYCLOAK_WORKS: readonly Work[] = WORKS

const BASE = `/realms/${REALM}/protocol/openid-connect`
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

/**
 * Of the tokens to ask about. It keeps none that it has seen, so those that it has seen and those that it has never seen are the same.
 */
const TOKENS = 10_000
const REVOKED = 2_000

/** Makes users of each work. */
export function keycloakUsers(port: number): (work: Work, count: number) => Promise<readonly VirtualUser[]> {
  const host = `127.0.0.1:${port}`
  let live: Promise<string[]> | undefined
  return async (work, count) => {
    switch (work) {
      case 'client credentials': {
        const request = asMachine(host, '/token')('grant_type=client_credentials')
        return repeat(
          count,
          asking(() => request, '"access_token":"ey'),
        )
      }
      case 'refresh':
        return makeRefreshing(port, count)
      case 'introspection, seen':
      case 'introspection, never seen':
        live ??= issueTokens(port, TOKENS)
        return introspection(host, count, await live, '"active":true')
      case 'introspection, revoked':
        return introspection(host, count, await revokedTokens(port), '{"active":false}')
      case 'introspection, rubbish': {
        const rubbish = Array.from({ length: TOKENS }, () => randomBytes(32).toString('base64url'))
        return introspection(host, count, rubbish, '{"active":false}')
      }
      case 'authorization':
        return makeAuthorizing(port, count)
      case 'metadata':
        return repeat(count, document(host, `/realms/${REALM}/.well-known/openid-configuration`, '"issuer"'))
      case 'JWKS':
        return repeat(count, document(host, `${BASE}/certs`, '"keys"'))
      case 'registration':
        return Array.from({ length: count }, (_, index) => registration(host, index))
      case 'password sign-in':
        await createPeople(port, count)
        return people(count).map((person) => walkingUser(() => signIn(new Browser(`http://${host}`), person)))
    }
  }
}

function people(count: number): number[] {
  return Array.from({ length: count }, (_, person) => person)
}

function repeat(count: number, user: VirtualUser): VirtualUser[] {
  return Array.from({ length: count }, () => user)
}

/** One request, and what its answer must contain. */
function asking(next: () => string, expected: string, status = 200): VirtualUser {
  return {
    next,
    take: (response) =>
      response.status === status && response.body.includes(expected) ? 'finished' : 'wrong',
  }
}

function document(host: string, path: string, expected: string): VirtualUser {
  const request = prepareRequest({ method: 'GET', path, host })()
  return asking(() => request, expected)
}

function asMachine(host: string, endpoint: string): (body?: string) => string {
  const secret = encodeURIComponent(MACHINE.secret)
  const headers = { ...FORM, Authorization: `Basic ${btoa(`${MACHINE.id}:${secret}`)}` }
  return prepareRequest({ method: 'POST', path: BASE + endpoint, host, headers })
}

/** Each of another sign-in, with a chain of its own. */
async function makeRefreshing(port: number, count: number): Promise<VirtualUser[]> {
  const host = `127.0.0.1:${port}`
  await createPeople(port, count)
  const signIns = people(count).map((person) => signInForTokens(host, new Browser(`http://${host}`), person))
  const tokens = await walkAll(port, signIns)
  const request = prepareRequest({ method: 'POST', path: `${BASE}/token`, host, headers: FORM })
  return tokens.map((first) => {
    let token = first
    return {
      next: () => request(`grant_type=refresh_token&client_id=${APP}&refresh_token=${token}`),
      take({ status, body }) {
        const successor = refreshTokenOf(body)
        if (status !== 200 || successor === undefined || successor === token) return 'wrong'
        token = successor
        return body.includes('"access_token":"ey') ? 'finished' : 'wrong'
      },
    }
  })
}

async function makeAuthorizing(port: number, count: number): Promise<VirtualUser[]> {
  const host = `127.0.0.1:${port}`
  await createPeople(port, count)
  const browsers = people(count).map(() => new Browser(`http://${host}`))
  await walkAll(
    port,
    browsers.map((browser, person) => signIn(browser, person)),
  )
  return browsers.map((browser) => walkingUser(() => authorize(host, browser)))
}

/** Live ones, by client credentials; each is another. */
async function issueTokens(port: number, count: number): Promise<string[]> {
  const request = asMachine(`127.0.0.1:${port}`, '/token')('grant_type=client_credentials')
  return walkAll(
    port,
    Array.from({ length: count }, () => issueToken(request)),
  )
}

async function revokedTokens(port: number): Promise<string[]> {
  const tokens = await issueTokens(port, REVOKED)
  const request = asMachine(`127.0.0.1:${port}`, '/revoke')
  await walkAll(
    port,
    tokens.map((token) => revoke(request(`token=${token}`))),
  )
  return tokens
}

/** Together the users go through all the tokens, one after another. */
function introspection(
  host: string,
  count: number,
  tokens: readonly string[],
  expected: string,
): VirtualUser[] {
  const request = asMachine(host, '/token/introspect')
  let asked = 0
  const next = () => {
    asked += 1
    return request(`token=${tokens[asked % tokens.length]}`)
  }
  return repeat(count, asking(next, expected))
}

function registration(host: string, index: number): VirtualUser {
  const path = `/realms/${REALM}/clients-registrations/openid-connect`
  const headers = { 'Content-Type': 'application/json' }
  const request = prepareRequest({ method: 'POST', path, host, headers })
  let registered = 0
  const next = () => {
    registered += 1
    const client_name = `Client ${index} ${registered}`
    return request(
      JSON.stringify({ client_name, redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' }),
    )
  }
  return asking(next, '"client_id":"', 201)
}
