import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { answerMetrics, type ReadMetrics } from './metrics_answer.ts'

/** Where Prometheus scrapes. */
export interface MetricsListenerOptions {
  host: string
  port: number
  /** Asked for where it is set. */
  token: string | undefined
}

/** Answers `GET /metrics` on a port of its own, until it is closed. Rejects with one sentence where it cannot be had. */
export async function listenForScrapes(
  read: ReadMetrics,
  { host, port, token }: MetricsListenerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000 }, (incoming, outgoing) => {
    void answer(incoming, outgoing, read, token)
  })
  server.listen(port, host)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `METRICS_PORT is ${port}, which cannot be listened on at METRICS_HOST ${host} (${error.code ?? error.message}): set another.`,
      { cause: error },
    )
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { method, url, headers }: IncomingMessage,
  outgoing: ServerResponse,
  read: ReadMetrics,
  token: string | undefined,
): Promise<void> {
  if (method !== 'GET' || url?.split('?', 1)[0] !== '/metrics') {
    outgoing.writeHead(404).end()
    return
  }
  const response = await answerMetrics(read, token, headers.authorization ?? null)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
}
