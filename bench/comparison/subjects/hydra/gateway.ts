import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Gateway {
  port: number
  close(): void
}

/**
 * One port for the two of Hydra, so that one connection can play the browser, which may reach the public port only, and the login and
 * consent app, which uses the administrative port. Its manual has a gateway before it in production. This one runs where the load is
 * made, and takes none of the core of the server.
 */
export async function openGateway(publicPort: number, adminPort: number): Promise<Gateway> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const upstreams = { public: open(publicPort), admin: open(adminPort) }
    let upstream = upstreams.public
    for (const socket of [client, upstreams.public, upstreams.admin]) {
      sockets.add(socket)
      socket.on('error', () => client.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    for (const socket of Object.values(upstreams)) {
      socket.on('data', (data: Buffer) => client.write(data))
      client.on('close', () => socket.destroy())
    }
    client.on('data', (data: Buffer) => {
      // What begins with no request line goes on with the request before.
      const path = /^[A-Z]+ (\S{0,7})/.exec(data.toString('latin1', 0, 16))?.[1]
      if (path !== undefined) upstream = path === '/admin/' ? upstreams.admin : upstreams.public
      upstream.write(data)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function open(port: number): Socket {
  return connect({ port, host: '127.0.0.1', noDelay: true })
}
