import { once } from 'node:events'
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Hands each request to the next of its servers, and says from whom it came. */
export interface LoadBalancer {
  port: number
  /** Ports of 127.0.0.1; may be set once they are known. */
  servers: readonly number[]
  close(): Promise<void>
}

export async function startLoadBalancer(): Promise<LoadBalancer> {
  const agent = new Agent({ keepAlive: true })
  const balancer: LoadBalancer = { port: 0, servers: [], close: async () => {} }
  let turn = 0
  const http = createServer((incoming, outgoing) => {
    const { connection: _, ...headers } = incoming.headers
    const forwardedFor = [headers['x-forwarded-for'], incoming.socket.remoteAddress]
      .filter(Boolean)
      .join(', ')
    const forwarded = httpRequest({
      host: '127.0.0.1',
      port: balancer.servers[turn++ % balancer.servers.length],
      agent,
      method: incoming.method,
      path: incoming.url,
      headers: { ...headers, 'x-forwarded-for': forwardedFor },
    })
    forwarded.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headersDistinct)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.writeHead(502).end())
    incoming.pipe(forwarded)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  balancer.port = (http.address() as AddressInfo).port
  balancer.close = async () => {
    http.close()
    http.closeAllConnections()
    agent.destroy()
    await once(http, 'close')
  }
  return balancer
}
