import { type HttpConnection, type HttpResponse, openConnection, prepareRequest } from './http_connection.ts'
import type { VirtualUser } from './load.ts'

/** Somebody whose work is one request. */
export function asker(next: () => string, isRight: (response: HttpResponse) => boolean): VirtualUser {
  return { next, take: (response) => (isRight(response) ? 'finished' : 'wrong') }
}

/** The same, of whose answer a part is known. */
export function asking(next: () => string, expected: string, status = 200): VirtualUser {
  return asker(next, (response) => response.status === status && response.body.includes(expected))
}

/** Reads a document again and again. */
export function reading(host: string, path: string, expected: string): VirtualUser {
  const request = prepareRequest({ method: 'GET', path, host })()
  return asking(() => request, expected)
}

/** Together they go through all the tokens, one after another. */
export function introspecting(
  count: number,
  tokens: readonly string[],
  request: (body: string) => string,
  expected: string,
): readonly VirtualUser[] {
  let asked = 0
  const next = () => {
    asked += 1
    return request(`token=${tokens[asked % tokens.length]}`)
  }
  return repeat(count, () => asking(next, expected))
}

/** Goes along a chain of refresh tokens; each answer has an access token that is a JWT, and the next of the chain. */
export function refreshing(first: string, request: (token: string) => string): VirtualUser {
  let token = first
  return {
    next: () => request(token),
    take({ status, body }) {
      const successor = /"refresh_token":"([^"]+)"/.exec(body)?.[1]
      if (status !== 200 || successor === undefined || successor === token) return 'wrong'
      token = successor
      return body.includes('"access_token":"ey') ? 'finished' : 'wrong'
    },
  }
}

/** Registers public clients, each of another name (RFC 7591). */
export function registering(host: string, path: string, redirectUri: string, index: number): VirtualUser {
  const headers = { 'Content-Type': 'application/json' }
  const request = prepareRequest({ method: 'POST', path, host, headers })
  let registered = 0
  const next = () => {
    registered += 1
    const client_name = `Client ${index} ${registered}`
    return request(
      JSON.stringify({ client_name, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }),
    )
  }
  return asking(next, '"client_id":"', 201)
}

export function repeat(count: number, make: () => VirtualUser): readonly VirtualUser[] {
  return Array.from({ length: count }, make)
}

/** Made when it is asked for the first time. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Each on a connection of its own. */
export function inParallel<T>(
  port: number,
  count: number,
  make: (connection: HttpConnection, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const connection = await openConnection(port)
      try {
        return await make(connection, index)
      } finally {
        connection.close()
      }
    }),
  )
}
