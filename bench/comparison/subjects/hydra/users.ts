import { randomBytes } from 'node:crypto'
import { Browser } from '../../browser.ts'
import { prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { WORKS, type Work } from '../../subject.ts'
import { walkingUser } from '../../walk.ts'
import { issueToken, revoke, walkAll } from '../keycloak/setting_up.ts'
import { type Client, createApp, createMachine, HOST, REDIRECT_URI } from './admin.ts'
import { authorize, refreshTokenOf } from './people.ts'

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
        return repeat(
          count,
          asking(() => request, '"access_token":"ey'),
        )
      }
      case 'refresh':
        return makeRefreshing(ports, count)
      case 'introspection, seen':
      case 'introspection, never seen':
        live ??= issueTokens(ports, await createMachine(ports.admin, 'opaque'), TOKENS)
        return introspection(count, await live, '"active":true')
      case 'introspection, revoked':
        return introspection(count, await revokedTokens(ports), '{"active":false}')
      case 'introspection, rubbish': {
        const rubbish = Array.from({ length: TOKENS }, () => randomBytes(32).toString('base64url'))
        return introspection(count, rubbish, '{"active":false}')
      }
      case 'authorization':
        return makeAuthorizing(ports, count)
      case 'metadata':
        return repeat(count, document('/.well-known/openid-configuration', '"issuer"'))
      case 'JWKS':
        return repeat(count, document('/.well-known/jwks.json', '"keys"'))
      case 'registration':
        return Array.from({ length: count }, (_, index) => registration(index))
      default:
        throw new Error(`Hydra has no ${work}.`)
    }
  }
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

function document(path: string, expected: string): VirtualUser {
  const request = prepareRequest({ method: 'GET', path, host: HOST })()
  return asking(() => request, expected)
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
  return tokens.map((first) => {
    let token = first
    return {
      next: () => request(`grant_type=refresh_token&client_id=${clientId}&refresh_token=${token}`),
      take({ status, body }) {
        const successor = refreshTokenOf(body)
        if (status !== 200 || successor === undefined || successor === token) return 'wrong'
        token = successor
        return body.includes('"access_token":"ey') ? 'finished' : 'wrong'
      },
    }
  })
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

/** Together the users go through all the tokens, one after another. */
function introspection(count: number, tokens: readonly string[], expected: string): VirtualUser[] {
  const path = '/admin/oauth2/introspect'
  const request = prepareRequest({ method: 'POST', path, host: HOST, headers: FORM })
  let asked = 0
  const next = () => {
    asked += 1
    return request(`token=${tokens[asked % tokens.length]}`)
  }
  return repeat(count, asking(next, expected))
}

function registration(index: number): VirtualUser {
  const headers = { 'Content-Type': 'application/json' }
  const request = prepareRequest({ method: 'POST', path: '/oauth2/register', host: HOST, headers })
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
