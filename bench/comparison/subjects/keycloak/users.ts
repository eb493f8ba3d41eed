import { randomBytes } from 'node:crypto'
import { Browser } from '../../browser.ts'
import { prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asking, introspecting, reading, refreshing, registering, repeat } from '../../many_users.ts'
import { WORKS, type Work } from '../../subject.ts'
import { walkingUser } from '../../walk.ts'
import { createPeople } from './admin.ts'
import { authorize, signIn, signInForTokens } from './people.ts'
import { APP, MACHINE, REALM, REDIRECT_URI } from './realm.ts'
import { issueToken, revoke, walkAll } from './setting_up.ts'

export const KEYCLOAK_WORKS: readonly Work[] = WORKS

const BASE = `/realms/${REALM}/protocol/openid-connect`
const REGISTRATION = `/realms/${REALM}/clients-registrations/openid-connect`
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
        return repeat(count, () => asking(() => request, '"access_token":"ey'))
      }
      case 'refresh':
        return makeRefreshing(port, count)
      case 'introspection, seen':
      case 'introspection, never seen':
        live ??= issueTokens(port, TOKENS)
        return introspecting(count, await live, asMachine(host, '/token/introspect'), '"active":true')
      case 'introspection, revoked':
        return introspecting(
          count,
          await revokedTokens(port),
          asMachine(host, '/token/introspect'),
          '{"active":false}',
        )
      case 'introspection, rubbish': {
        const rubbish = Array.from({ length: TOKENS }, () => randomBytes(32).toString('base64url'))
        return introspecting(count, rubbish, asMachine(host, '/token/introspect'), '{"active":false}')
      }
      case 'authorization':
        return makeAuthorizing(port, count)
      case 'metadata':
        return repeat(count, () =>
          reading(host, `/realms/${REALM}/.well-known/openid-configuration`, '"issuer"'),
        )
      case 'JWKS':
        return repeat(count, () => reading(host, `${BASE}/certs`, '"keys"'))
      case 'registration':
        return Array.from({ length: count }, (_, index) =>
          registering(host, REGISTRATION, REDIRECT_URI, index),
        )
      case 'password sign-in':
        await createPeople(port, count)
        return people(count).map((person) => walkingUser(() => signIn(new Browser(`http://${host}`), person)))
    }
  }
}

function people(count: number): number[] {
  return Array.from({ length: count }, (_, person) => person)
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
  const client = `grant_type=refresh_token&client_id=${APP}&refresh_token=`
  return tokens.map((first) => refreshing(first, (token) => request(client + token)))
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
