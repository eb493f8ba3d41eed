import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A port of this machine that leads to a PostgreSQL, which the tests start on a unix socket. */
export interface TcpRelay {
  /** The same database and account, over TCP: what Hyperdrive takes. */
  url: string
  /** Cuts all connections and takes no new ones, as a database that is away. */
  pause(): Promise<void>
  /** Takes connections and says nothing on them, as a database that hangs, or the network before it. */
  hang(): void
  /** Takes connections again, on the same port; those that hang go on. */
  resume(): Promise<void>
  /** Resolves to the next connection that is taken. */
  nextConnection(): Promise<Socket>
  close(): Promise<void>
}

/** Hyperdrive knows hosts and ports only. */
export async function startTcpRelay(databaseUrl: string): Promise<TcpRelay> {
  const url = new URL(databaseUrl)
  const directory = url.searchParams.get('host')
  const port = Number(url.port || '5432')
  const place = directory === null ? { host: url.hostname, port } : { path: `${directory}/.s.PGSQL.${port}` }
  const sockets = new Set<Socket>()
  let held: Socket[] | undefined
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const forward = (client: Socket) => {
    if (client.destroyed) return
    const upstream = createConnection(place)
    keep(upstream)
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }
  const server = createServer((client) => {
    keep(client)
    if (held === undefined) forward(client)
    else held.push(client)
  })
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const address = server.address()
  const relayPort = typeof address === 'object' && address ? address.port : 0
  const pause = async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    url: `postgres://${url.username}:${url.password}@127.0.0.1:${relayPort}${url.pathname}`,
    pause,
    hang() {
      held ??= []
    },
    async resume() {
      const waiting = held ?? []
      held = undefined
      for (const client of waiting) forward(client)
      if (!server.listening) await listen(relayPort)
    },
    async nextConnection() {
      const [client] = (await once(server, 'connection')) as [Socket]
      return client
    },
    close: async () => {
      if (server.listening) await pause()
    },
  }
}
