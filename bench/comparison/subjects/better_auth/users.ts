import { type HttpConnection, prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { asker, inParallel, once, repeat } from '../../many_users.ts'
import type { Subject, Work } from '../../subject.ts'
import {
  createAccount,
  type Grant,
  grantAccess,
  REGISTER,
  refresh,
  registerClient,
  signOut,
} from './preparation.ts'
import { basicOf, FORM, HOST, REGISTRATION, RESOURCE, type Service, type Services } from './site.ts'
import { authorizer, inTurn, introspectors, passwordUser, refresher, rubbish } from './virtual_users.ts'

const LIVE_TOKENS = 10_000
const REVOKED_TOKENS = 1_000
/** How many sessions they are of. */
const SESSIONS = 20

/** @returns what makes the users of a work */
export function createUsers(port: number, { machine, api }: Services): Subject['users'] {
  const introspect = (count: number, tokens: () => string, isActive: boolean) =>
    introspectors(count, { tokens, authorization: basicOf(api), isActive })
  // It remembers no token from one request to the next, so those that it has seen are found like those that it has not.
  const live = once(() => liveTokens(port, LIVE_TOKENS))
  const makers: Readonly<Record<Work, (count: number) => Promise<readonly VirtualUser[]>>> = {
    'client credentials': async (count) => repeat(count, () => machineUser(machine)),
    refresh: async (count) => (await grants(port, count)).map(refresher),
    'introspection, seen': async (count) => introspect(count, inTurn(await live()), true),
    'introspection, never seen': async (count) => introspect(count, inTurn(await live()), true),
    'introspection, revoked': async (count) =>
      introspect(count, inTurn(await revokedTokens(port, REVOKED_TOKENS)), false),
    'introspection, rubbish': async (count) => introspect(count, rubbish, false),
    authorization: (count) =>
      inParallel(port, count, async (connection) => {
        const account = await createAccount(connection)
        return authorizer(await registerClient(connection), account)
      }),
    metadata: async (count) => repeat(count, () => reader('/.well-known/openid-configuration', '"issuer":"')),
    JWKS: async (count) => repeat(count, () => reader('/jwks', '"keys":[{')),
    registration: async (count) => repeat(count, registrant),
    'password sign-in': (count) =>
      inParallel(port, count, async (connection) => passwordUser(await createAccount(connection))),
  }
  return (work, count) => makers[work](count)
}

/** Access tokens of users, each of another refresh: those have a session, which is what a revocation ends. */
async function liveTokens(port: number, count: number): Promise<readonly string[]> {
  const begun = await grants(port, SESSIONS)
  const chains = await inParallel(port, SESSIONS, (connection, index) =>
    tokensOfChain(connection, begun[index] as Grant, count / SESSIONS),
  )
  return chains.flat()
}

/** Access tokens whose session has ended: a token that is a JWT cannot be revoked in any other way here. */
async function revokedTokens(port: number, count: number): Promise<readonly string[]> {
  const begun = await grants(port, SESSIONS)
  const chains = await inParallel(port, SESSIONS, async (connection, index) => {
    const grant = begun[index] as Grant
    const tokens = await tokensOfChain(connection, grant, count / SESSIONS)
    await signOut(connection, grant.account)
    return tokens
  })
  return chains.flat()
}

function grants(port: number, count: number): Promise<readonly Grant[]> {
  return inParallel(port, count, async (connection) =>
    grantAccess(connection, await createAccount(connection)),
  )
}

async function tokensOfChain(connection: HttpConnection, grant: Grant, count: number): Promise<string[]> {
  const tokens: string[] = []
  let last = grant
  while (tokens.length < count) {
    last = await refresh(connection, last)
    tokens.push(last.accessToken)
  }
  return tokens
}

function machineUser(machine: Service): VirtualUser {
  const headers = { ...FORM, Authorization: basicOf(machine) }
  const ask = prepareRequest({ method: 'POST', path: '/api/auth/oauth2/token', host: HOST, headers })
  const parameters = new URLSearchParams({ grant_type: 'client_credentials', resource: RESOURCE })
  const request = ask(parameters.toString())
  return asker(
    () => request,
    ({ status, body }) => status === 200 && body.includes('"access_token":"ey'),
  )
}

function registrant(): VirtualUser {
  const request = REGISTER(REGISTRATION)
  return asker(
    () => request,
    ({ status, body }) => status === 201 && body.includes('"client_id":"'),
  )
}

function reader(path: string, expected: string): VirtualUser {
  const request = prepareRequest({ method: 'GET', path: `/api/auth${path}`, host: HOST })()
  return asker(
    () => request,
    ({ status, body }) => status === 200 && body.includes(expected),
  )
}
