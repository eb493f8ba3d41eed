import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The conformance suite cannot send a token: this server adds one to each request, and forwards it to another server
 * on this machine. Nothing is buffered, and no other header is changed, `Host` included.
 *
 * @returns the URL at which it stands for `target`
 */
export async function startTokenForwarder(
  target: string,
  token: string,
): Promise<{ url: string; close(): void }> {
  const { port, pathname } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const forwarded = request(
      {
        host: '127.0.0.1',
        port,
        method: incoming.method,
        path: incoming.url,
        headers: [...incoming.rawHeaders, 'Authorization', `Bearer ${token}`],
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        // An event stream may have nothing to say for a while.
        outgoing.flushHeaders()
        answer.pipe(outgoing)
      },
    )
    // Who hangs up on one side is not kept waiting on the other.
    forwarded.on('error', () => outgoing.destroy())
    outgoing.on('close', () => forwarded.destroy())
    incoming.pipe(forwarded)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port: ownPort } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${ownPort}${pathname}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
