import { randomBytes } from 'node:crypto'
import { Browser } from '../../browser.ts'
import { prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asking, introspecting, reading, refreshing, registering, repeat } from '../../many_users.ts'
import { WORKS, type Work } from '../../subject.ts'
import { walkingUser } from '../../walk.ts'
import { issueToken, revoke, walkAll } from '../keycloak/setting_up.ts'
import { type Client, createApp, createMachine, HOST, REDIRECT_URI } from './admin.ts'
import { authorize } from './people.ts'

/** It knows no passwords: those are the business of the login app. */
export const HYDRA_WORKS: readonly Work[] = WORKS.filter((work) => work !== 'password sign-in')

export interface Ports {
  public: number
  admin: number
  /** Of both, as one. */
  gateway: number
}

/** Introspection is on the administrative port alone. */
export function portOf(ports: Ports, work: Work): number {
  if (work.startsWith('introspection')) return ports.admin
  return work === 'authorization' ? ports.gateway : ports.public
}

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

/**
 * Of the tokens to ask about. It keeps none that it has seen, so those that it has seen and those that it has never seen are the same.
 */
const TOKENS = 10_000
const REVOKED = 2_000

/** Makes users of each work. */
export function hydraUsers(ports: Ports): (work: Work, count: number) => Promise<readonly VirtualUser[]> {
  let live: Promise<string[]> | undefined
  return async (work, count) => {
    switch (work) {
      case 'client credentials': {
        const machine = await createMachine(ports.admin, 'jwt')
        const request = asMachine(machine, '/oauth2/token')('grant_type=client_credentials')
        return repeat(count, () => asking(() => request, '"access_token":"ey'))
      }
      case 'refresh':
        return makeRefreshing(ports, count)
      case 'introspection, seen':
      case 'introspection, never seen':
        live ??= issueTokens(ports, await createMachine(ports.admin, 'opaque'), TOKENS)
        return introspecting(count, await live, introspection(), '"active":true')
      case 'introspection, revoked':
        return introspecting(count, await revokedTokens(ports), introspection(), '{"active":false}')
      case 'introspection, rubbish': {
        const rubbish = Array.from({ length: TOKENS }, () => randomBytes(32).toString('base64url'))
        return introspecting(count, rubbish, introspection(), '{"active":false}')
      }
      case 'authorization':
        return makeAuthorizing(ports, count)
      case 'metadata':
        return repeat(count, () => reading(HOST, '/.well-known/openid-configuration', '"issuer"'))
      case 'JWKS':
        return repeat(count, () => reading(HOST, '/.well-known/jwks.json', '"keys"'))
      case 'registration':
        return Array.from({ length: count }, (_, index) =>
          registering(HOST, '/oauth2/register', REDIRECT_URI, index),
        )
      default:
        throw new Error(`Hydra has no ${work}.`)
    }
  }
}

function asMachine({ id, secret }: Client, path: string): (body?: string) => string {
  const headers = { ...FORM, Authorization: `Basic ${btoa(`${id}:${secret}`)}` }
  return prepareRequest({ method: 'POST', path, host: HOST, headers })
}

/** Opaque ones, as it recommends; each is another. */
async function issueTokens(ports: Ports, machine: Client, count: number): Promise<string[]> {
  const request = asMachine(machine, '/oauth2/token')('grant_type=client_credentials')
  return walkAll(
    ports.public,
    Array.from({ length: count }, () => issueToken(request)),
  )
}

async function revokedTokens(ports: Ports): Promise<string[]> {
  const machine = await createMachine(ports.admin, 'opaque')
  const tokens = await issueTokens(ports, machine, REVOKED)
  const request = asMachine(machine, '/oauth2/revoke')
  await walkAll(
    ports.public,
    tokens.map((token) => revoke(request(`token=${token}`))),
  )
  return tokens
}

/** Each of another person, with a chain of their own. */
async function makeRefreshing(ports: Ports, count: number): Promise<VirtualUser[]> {
  const clientId = await createApp(ports.admin)
  const begin = beginnersOf(clientId, count)
  const request = prepareRequest({ method: 'POST', path: '/oauth2/token', host: HOST, headers: FORM })
  const tokens = await walkAll(
    ports.gateway,
    begin.map((authorize) => authorize()),
  )
  const client = `grant_type=refresh_token&client_id=${clientId}&refresh_token=`
  return tokens.map((first) => refreshing(first, (token) => request(client + token)))
}

/** Each in a browser that has signed in. */
async function makeAuthorizing(ports: Ports, count: number): Promise<VirtualUser[]> {
  const begin = beginnersOf(await createApp(ports.admin), count)
  await walkAll(
    ports.gateway,
    begin.map((authorize) => authorize()),
  )
  return begin.map(walkingUser)
}

/** Of an authorization, each in a browser of their own. */
function beginnersOf(clientId: string, count: number) {
  return Array.from({ length: count }, (_, person) => {
    const browser = new Browser(`https://${HOST}`)
    return () => authorize(browser, clientId, `person${person}`)
  })
}

/** Whoever reaches that port may ask. */
function introspection(): (body: string) => string {
  return prepareRequest({ method: 'POST', path: '/admin/oauth2/introspect', host: HOST, headers: FORM })
}
