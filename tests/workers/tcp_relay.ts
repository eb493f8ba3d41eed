import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A port of this machine that leads to a PostgreSQL, which the tests start on a unix socket. */
export interface TcpRelay {
  /** The same database and account, over TCP: what Hyperdrive takes. */
  url: string
  close(): Promise<void>
}

/** Hyperdrive knows hosts and ports only. */
export async function startTcpRelay(databaseUrl: string): Promise<TcpRelay> {
  const url = new URL(databaseUrl)
  const directory = url.searchParams.get('host')
  if (directory === null) return { url: databaseUrl, close: async () => {} }
  const path = `${directory}/.s.PGSQL.${url.port || '5432'}`
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = createConnection(path)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream).pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const account = `${url.username}:${url.password}`
  return {
    url: `postgres://${account}@127.0.0.1:${port}${url.pathname}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
