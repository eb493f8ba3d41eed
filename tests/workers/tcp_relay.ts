import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A port of this machine that leads to a PostgreSQL, which the tests start on a unix socket. */
export interface TcpRelay {
  /** The same database and account, over TCP: what Hyperdrive takes. */
  url: string
  /** Cuts all connections and takes no new ones, as a database that is away. */
  pause(): Promise<void>
  /** Takes connections again, on the same port. */
  resume(): Promise<void>
  close(): Promise<void>
}

/** Hyperdrive knows hosts and ports only. */
export async function startTcpRelay(databaseUrl: string): Promise<TcpRelay> {
  const url = new URL(databaseUrl)
  const directory = url.searchParams.get('host')
  const port = Number(url.port || '5432')
  const place = directory === null ? { host: url.hostname, port } : { path: `${directory}/.s.PGSQL.${port}` }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = createConnection(place)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
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
    resume: () => listen(relayPort),
    close: async () => {
      if (server.listening) await pause()
    },
  }
}
