import { randomBytes } from 'node:crypto'
import { type HttpConnection, openConnection, prepareRequest } from '../../http_connection.ts'
import type { VirtualUser } from '../../load.ts'
import { INTROSPECTING_RESOURCE, RESOURCE, SCOPE, SERVICE } from './clients.ts'

const TOKENS = 10_000
const REVOKED_TOKENS = 1_000
const CONNECTIONS = 16

/** A client that asks for tokens of its own. They are JWTs, of which the server keeps nothing. */
export function clientCredentialsUser(host: string): VirtualUser {
  const request = askAsService(host, '/token')(tokenRequestFor(RESOURCE))
  return {
    next: () => request,
    take: ({ status, body }) =>
      status === 200 && body.includes('"access_token":"eyJ') ? 'finished' : 'wrong',
  }
}

/** Each has their share of the tokens, and goes along it again and again. */
export async function liveTokenUsers(port: number, count: number): Promise<VirtualUser[]> {
  const tokens = await makeTokens(port, TOKENS)
  return shareOut(tokens, count).map((share) => introspectingUser(port, goAlong(share), '{"active":true,'))
}

export async function revokedTokenUsers(port: number, count: number): Promise<VirtualUser[]> {
  const tokens = await makeTokens(port, REVOKED_TOKENS)
  const revoke = askAsService(`127.0.0.1:${port}`, '/token/revocation')
  const left = [...tokens]
  await onConnections(port, async (connection) => {
    for (let token = left.pop(); token !== undefined; token = left.pop()) {
      const { status } = await connection.ask(revoke(`token=${token}&token_type_hint=access_token`))
      if (status !== 200) throw new Error(`A token was not revoked: ${status}`)
    }
  })
  return shareOut(tokens, count).map((share) => introspectingUser(port, goAlong(share), '{"active":false}'))
}

export function rubbishUser(port: number): VirtualUser {
  return introspectingUser(port, () => randomBytes(32).toString('base64url'), '{"active":false}')
}

/** It hints at what it has, as a resource server can, which saves a look-up among the refresh tokens. */
function introspectingUser(port: number, nextToken: () => string, expected: string): VirtualUser {
  const request = askAsService(`127.0.0.1:${port}`, '/token/introspection')
  return {
    next: () => request(`token=${nextToken()}&token_type_hint=access_token`),
    take: ({ status, body }) => (status === 200 && body.startsWith(expected) ? 'finished' : 'wrong'),
  }
}

/** Opaque ones, by client credentials: to introspect those takes no look-up of a grant. */
async function makeTokens(port: number, count: number): Promise<string[]> {
  const request = askAsService(`127.0.0.1:${port}`, '/token')(tokenRequestFor(INTROSPECTING_RESOURCE))
  const tokens: string[] = []
  let asked = 0
  await onConnections(port, async (connection) => {
    while (asked++ < count) {
      const { body } = await connection.ask(request)
      const [, token] = /"access_token":"([\w-]+)"/.exec(body) ?? []
      if (token === undefined) throw new Error(`No token was issued: ${body}`)
      tokens.push(token)
    }
  })
  return tokens
}

/** Does something on several connections at the same time. */
async function onConnections(
  port: number,
  use: (connection: HttpConnection) => Promise<void>,
): Promise<void> {
  const uses = Array.from({ length: CONNECTIONS }, async () => {
    const connection = await openConnection(port)
    await use(connection)
    connection.close()
  })
  await Promise.all(uses)
}

function tokenRequestFor(resource: string): string {
  return `${new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, resource })}`
}

function askAsService(host: string, path: string): (body: string) => string {
  const credentials = Buffer.from(`${SERVICE.client_id}:${SERVICE.client_secret}`).toString('base64')
  const headers = {
    Authorization: `Basic ${credentials}`,
    'Content-Type': 'application/x-www-form-urlencoded',
  }
  return prepareRequest({ method: 'POST', path, host, headers })
}

function shareOut(tokens: readonly string[], count: number): string[][] {
  return Array.from({ length: count }, (_, user) => tokens.filter((_, at) => at % count === user))
}

function goAlong(tokens: readonly string[]): () => string {
  let at = 0
  return () => tokens[at++ % tokens.length] ?? ''
}
