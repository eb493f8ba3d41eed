import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { type ServerType, serve } from '@hono/node-server'

/** An HTTP server on a free port of 127.0.0.1. */
export interface Loopback {
  port: number
  close(): Promise<void>
}

type Answer = (request: Request) => Response | Promise<Response>

/**
 * Listens, and answers with what `makeAnswer` makes once the port is known: whoever answers has to know its own
 * address.
 */
export async function listenOnLoopback(
  makeAnswer: (port: number) => Answer | Promise<Answer>,
): Promise<Loopback> {
  let answer: Answer = () => new Response('Not ready.', { status: 503 })
  const http = serve({
    fetch: (request) => answer(request),
    hostname: '127.0.0.1',
    port: 0,
    // What else runs in the process of a test keeps the platform's own Request and Response.
    overrideGlobalObjects: false,
  })
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  answer = await makeAnswer(port)
  return { port, close: () => closeNow(http) }
}

/** Browsers and clients keep connections open; they are not waited for. */
function closeNow(http: ServerType): Promise<void> {
  return new Promise((resolve, reject) => {
    http.close((error) => (error ? reject(error) : resolve()))
    if ('closeAllConnections' in http) http.closeAllConnections()
  })
}

/** A port of 127.0.0.1 that nobody listens on, for a server that has to know its address before it starts. */
export async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
