import { openConnection, prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import type { Work } from '../../subject.ts'
import { walkingUser, walkOnce } from '../../walk.ts'
import { askTokenEndpoint, authorization, refreshTokenOf, signedInBrowser } from './authorization.ts'
import { NATIVE_APP, RESOURCE } from './clients.ts'
import { clientCredentialsUser, liveTokenUsers, revokedTokenUsers, rubbishUser } from './service.ts'

type MakeUsers = (port: number, count: number) => Promise<readonly VirtualUser[]>

/**
 * It keeps no token in memory, so that one that was seen is to it as one that was not. Passwords are not its business: whoever uses it
 * brings a store of their own, and it would be that which is measured.
 */
const MAKE_USERS = {
  'client credentials': each((port) => clientCredentialsUser(`127.0.0.1:${port}`)),
  refresh: each(refreshUser),
  'introspection, seen': liveTokenUsers,
  'introspection, never seen': liveTokenUsers,
  'introspection, revoked': revokedTokenUsers,
  'introspection, rubbish': each(rubbishUser),
  authorization: each(authorizationUser),
  metadata: each((port) => readerOf(port, '/.well-known/openid-configuration', '"token_endpoint":')),
  JWKS: each((port) => readerOf(port, '/jwks', '{"keys":[{')),
  registration: each(registrationUser),
} satisfies Partial<Record<Work, MakeUsers>>

export const OIDC_PROVIDER_WORKS = Object.keys(MAKE_USERS) as readonly (keyof typeof MAKE_USERS)[]

export function makeUsers(port: number, work: Work, count: number): Promise<readonly VirtualUser[]> {
  const make: MakeUsers | undefined = { ...MAKE_USERS, 'password sign-in': undefined }[work]
  if (make === undefined) throw new Error(`oidc-provider has no ${work}.`)
  return make(port, count)
}

function each(make: (port: number, index: number) => VirtualUser | Promise<VirtualUser>): MakeUsers {
  return (port, count) => Promise.all(Array.from({ length: count }, (_, index) => make(port, index)))
}

function readerOf(port: number, path: string, expected: string): VirtualUser {
  const request = prepareRequest({ method: 'GET', path, host: `127.0.0.1:${port}` })()
  return {
    next: () => request,
    take: ({ status, body }) => (status === 200 && body.includes(expected) ? 'finished' : 'wrong'),
  }
}

function registrationUser(port: number): VirtualUser {
  const request = prepareRequest({
    method: 'POST',
    path: '/reg',
    host: `127.0.0.1:${port}`,
    headers: { 'Content-Type': 'application/json' },
  })(
    JSON.stringify({
      client_name: 'An app',
      application_type: 'native',
      redirect_uris: [NATIVE_APP.redirect_uri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }),
  )
  return {
    next: () => request,
    take: ({ status, body }) => (status === 201 && body.includes('"client_id":"') ? 'finished' : 'wrong'),
  }
}

async function authorizationUser(port: number, index: number): Promise<VirtualUser> {
  const browser = await signedInBrowser(port, index)
  return walkingUser(() => authorization(`127.0.0.1:${port}`, browser))
}

/** Begins with an authorization of their own. */
async function refreshUser(port: number, index: number): Promise<VirtualUser> {
  const host = `127.0.0.1:${port}`
  const connection = await openConnection(port)
  let token = await walkOnce(connection, authorization(host, await signedInBrowser(port, index)))
  connection.close()
  const request = askTokenEndpoint(host)
  const fixed = new URLSearchParams({ client_id: NATIVE_APP.client_id, resource: RESOURCE })
  return {
    next: () => request(`grant_type=refresh_token&${fixed}&refresh_token=${token}`),
    take(response) {
      const next = refreshTokenOf(response)
      if (next === undefined || next === token) return 'wrong'
      token = next
      return 'finished'
    },
  }
}
