import { once } from 'node:events'
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { manageBy, type TestServer } from './server.ts'

/** Where requests go, whatever name they bear. */
export interface Target {
  /** Of 127.0.0.1. */
  port: number
  agent: Agent
}

/**
 * What the flows of `tests/support` need of a server that runs elsewhere. The address of a client is said by
 * `X-Forwarded-For`, as a load balancer would.
 */
export function createRemoteServer(issuer: string, target: Target): TestServer {
  const fetch: TestServer['fetch'] = (path, init, info) =>
    send(target, new Request(new URL(path, issuer), init), info?.clientAddress)
  const remote: Pick<TestServer, 'issuer' | 'fetch' | 'manage'> = {
    issuer,
    fetch,
    manage: manageBy(issuer, fetch),
  }
  return remote as TestServer
}

async function send({ port, agent }: Target, request: Request, clientAddress = '127.0.0.1') {
  const { host, pathname, search } = new URL(request.url)
  const body = Buffer.from(await request.arrayBuffer())
  const sent = httpRequest({
    host: '127.0.0.1',
    port,
    agent,
    method: request.method,
    path: pathname + search,
    headers: {
      ...Object.fromEntries(request.headers),
      host,
      'x-forwarded-for': clientAddress,
      'content-length': body.length,
    },
  }).end(body)
  const [incoming] = (await once(sent, 'response')) as [IncomingMessage]
  return toResponse(incoming)
}

async function toResponse(incoming: IncomingMessage): Promise<Response> {
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    for (const value of values ?? []) headers.append(name, value)
  const body = Buffer.concat(await incoming.toArray())
  const { statusCode = 0 } = incoming
  return new Response([204, 304].includes(statusCode) ? null : body, { status: statusCode, headers })
}
