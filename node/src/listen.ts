import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type BlockList, Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionInfo } from '@auth-agent/server/options'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import {
  type Ends,
  findClientAddress,
  isLoopbackSocket,
  isTrustedPeer,
  parseProxies,
} from './client_address.ts'
import { readProxyNames } from './proxy_names.ts'
import { DRAIN_MS, GRACE_MS } from './stop_times.ts'

/** How to listen; times in milliseconds. */
export interface ListenOptions {
  host: string
  port: number
  /** CIDRs whose forwarding headers say who the client is. */
  trustedProxies: readonly string[]
  /** For all headers of a request to come. Default 10000. */
  headersTimeoutMs?: number
  /** For a whole request to come, body included. Default 20000. */
  requestTimeoutMs?: number
  /** For clients to leave connections that they keep, when we stop. Default {@link DRAIN_MS}. */
  drainMs?: number
  /** For requests that are under way after that. Default {@link GRACE_MS}. */
  graceMs?: number
}

/** How to stop listening. */
export interface CloseOptions {
  /** Whether other processes go on listening at this place: new connections are left to them at once. */
  isReplaced?: boolean
}

/** What takes connections. */
export interface Listener {
  port: number
  /**
   * Tells its requests that the end is near, answers what comes with `Connection: close` until the clients have gone
   * or the drain is over, lets what is under way finish within the grace, and ends the rest.
   */
  close(how?: CloseOptions): Promise<void>
}

/**
 * Serves a web-standard `fetch` over HTTP. Rejects with one sentence where the port cannot be had.
 */
export async function listen(
  fetch: (request: Request, info: ConnectionInfo) => Response | Promise<Response>,
  options: ListenOptions,
): Promise<Listener> {
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 20_000 } = options
  const proxies = parseProxies(options.trustedProxies)
  const hasProxies = options.trustedProxies.length > 0
  const closing = new AbortController()
  const areTrusted = new WeakMap<Socket, boolean>()
  const isFromProxy = (socket: Socket): boolean => {
    const isTrusted = areTrusted.get(socket) ?? isTrustedPeer(socket, proxies)
    areTrusted.set(socket, isTrusted)
    return isTrusted
  }
  const infoOf = (incoming: IncomingMessage): ConnectionInfo => {
    const connection = new NodeConnection(incoming, proxies, closing.signal)
    return hasProxies && isFromProxy(incoming.socket)
      ? Object.assign(connection, readProxyNames(incoming.headers))
      : connection
  }
  const answer = getRequestListener((request, { incoming }) =>
    fetch(request, infoOf(incoming as HttpBindings['incoming'])),
  )
  /** Of each connection the newest; so a listener a connection is enough, where one a request would be dear. */
  const newest = new Map<Socket, ServerResponse>()
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Node looks for late requests this often.
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs / 2),
      // Longer than load balancers keep idle connections, so that it is not us who close under their hands.
      keepAliveTimeout: 75_000,
    },
    (incoming, outgoing) => {
      if (closing.signal.aborted) outgoing.shouldKeepAlive = false
      const { socket } = incoming
      if (!newest.has(socket)) socket.once('close', () => newest.delete(socket))
      newest.set(socket, outgoing)
      void answer(incoming, outgoing)
    },
  )
  // A client that stops reading its answer holds its socket no longer than this.
  server.timeout = 120_000
  await bind(server, options)
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async close({ isReplaced = false } = {}) {
      for (const outgoing of newest.values()) outgoing.shouldKeepAlive = false
      closing.abort()
      await closeServer(server, { ...options, isReplaced })
    },
  }
}

/** Every request has one, and few endpoints ask who is there: so what the ends mean is found out when somebody does. */
class NodeConnection implements ConnectionInfo {
  readonly closing: AbortSignal
  /** Read at once: a socket that is closed meanwhile has forgotten them, and nobody shall get around a limit by that. */
  readonly ends: Ends
  readonly #incoming: IncomingMessage
  readonly #proxies: BlockList

  constructor(incoming: IncomingMessage, proxies: BlockList, closing: AbortSignal) {
    const { remoteAddress, localAddress } = incoming.socket
    this.ends = { remoteAddress, localAddress }
    this.#incoming = incoming
    this.#proxies = proxies
    this.closing = closing
  }

  get clientAddress(): string | undefined {
    return findClientAddress(this.ends, this.#incoming.headers, this.#proxies)
  }

  get loopback(): boolean {
    return isLoopbackSocket(this.ends)
  }
}

function bind(server: Server, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(bindFault(error, host, port), { cause: error })),
    )
    server.listen(port, host, resolve)
  })
}

function bindFault({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `PORT is ${port}, which another program uses on ${host}: stop that one, or set PORT to a free port such as ${port + 1}.`
    case 'EACCES':
      return `PORT is ${port}, which this account may not use: set PORT to one above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST is ${host}, which is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all.`
    default:
      return `HOST ${host} and PORT ${port} cannot be listened on: ${message}.`
  }
}

/**
 * A connection that waits for another request may get it at this very moment, and a client cannot know whether what it
 * sent was done before the reset. So the clients are asked to leave first, in the end without new ones coming; only then do
 * idle connections go at once, and each other one with its answer.
 */
async function closeServer(
  server: Server,
  {
    drainMs = DRAIN_MS,
    graceMs = GRACE_MS,
    isReplaced,
  }: Pick<ListenOptions, 'drainMs' | 'graceMs'> & CloseOptions,
): Promise<void> {
  // Monitors need the time to see that we are leaving, unless others are there for whoever comes.
  if (!isReplaced) await untilDeserted(server, 0.75 * drainMs)
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  // Not the method of the HTTP server, which ends idle connections as well, such as one whose first request is on its way.
  NetServer.prototype.close.call(server)
  await untilDeserted(server, isReplaced ? drainMs : 0.25 * drainMs)
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const late = setTimeout(() => server.closeAllConnections(), graceMs)
  server.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(late)
}

async function untilDeserted(server: Server, mostMs: number): Promise<void> {
  const end = performance.now() + mostMs
  while (performance.now() < end && (await hasConnections(server))) await sleep(20)
}

function hasConnections(server: Server): Promise<boolean> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(!error && count > 0)))
}
