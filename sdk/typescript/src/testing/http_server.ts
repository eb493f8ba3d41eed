import { createServer, type RequestListener, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

/** A listener on a port of its own. */
export interface HttpServer {
  url: string
  port: number
  close(): Promise<void>
}

export async function listen(listener: RequestListener): Promise<HttpServer> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Sends a request whose path and headers nobody changes on the way, and returns the status. */
export function sendRaw(port: number, path: string, headers: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path, headers: ['Host', 'x', ...headers] },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

/** Begins a request that is given up before its end. */
export function giveUp(port: number, head: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head)
      setTimeout(() => socket.destroy(), 50)
    })
    socket.on('close', () => resolve())
  })
}
