import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a PostgreSQL that can be interrupted: refused, or silent while its connections stand. */
export interface SeverableDatabase {
  /** The same database, by this way. */
  url: string
  way: 'open' | 'refused' | 'silent'
  /** Takes the way away, or gives it back. */
  become(way: 'open' | 'refused' | 'silent'): void
  close(): Promise<void>
}

export async function createSeverableDatabase(url: string): Promise<SeverableDatabase> {
  const socketDirectory = new URL(url).searchParams.get('host')
  const pairs = new Set<readonly [Socket, Socket]>()
  const server = createServer((near) => {
    near.on('error', () => {})
    if (severable.way === 'refused') {
      near.resetAndDestroy()
      return
    }
    const far =
      socketDirectory === null
        ? connect(Number(new URL(url).port || 5432), new URL(url).hostname)
        : connect(`${socketDirectory}/.s.PGSQL.5432`)
    far.on('error', () => near.destroy())
    const pair = [near, far] as const
    pairs.add(pair)
    near.on('close', () => far.destroy())
    far.on('close', () => {
      near.destroy()
      pairs.delete(pair)
    })
    near.on('data', (data) => far.write(data))
    far.on('data', (data) => near.write(data))
    if (severable.way === 'silent') pause(pair)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = new URL(url)
  near.search = ''
  near.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const severable: SeverableDatabase = {
    url: near.href,
    way: 'open',
    become(way) {
      severable.way = way
      for (const pair of pairs) {
        if (way === 'refused') pair[0].resetAndDestroy()
        else if (way === 'silent') pause(pair)
        else for (const socket of pair) socket.resume()
      }
    },
    async close() {
      for (const [nearEnd] of pairs) nearEnd.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return severable
}

function pause(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.pause()
}
