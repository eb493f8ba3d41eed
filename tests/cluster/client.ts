import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'

/** What became of one request. */
export type Outcome =
  | { status: number; connection: string | undefined; body: string }
  /** Nobody was there to take the connection: the request was not sent. */
  | 'refused'
  /** It was sent, and the connection ended without an answer. */
  | 'lost'
  /** It was sent, and nothing came for longer than any limit of the server. */
  | 'forgotten'

/** A client that keeps its connection, and leaves it when it is asked to. */
export interface Client {
  ask(path: string, form?: Record<string, string>, headers?: Record<string, string>): Promise<Outcome>
  close(): void
}

export function createClient(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    async ask(path, form, headers = {}) {
      // An agent learns that the other side has closed a connection in the next turn of the event loop.
      await setImmediate()
      return ask(agent, port, path, form, headers)
    },
    close: () => agent.destroy(),
  }
}

function ask(
  agent: Agent,
  port: number,
  path: string,
  form: Record<string, string> | undefined,
  headers: Record<string, string>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const sent = httpRequest({
      host: '127.0.0.1',
      port,
      path,
      agent,
      method: form ? 'POST' : 'GET',
      headers: {
        host: `localhost:${port}`,
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      timeout: 40_000,
    })
    sent.on('response', async (answer: IncomingMessage) => {
      const chunks = await answer.toArray().catch(() => undefined)
      if (chunks === undefined) return resolve('lost')
      const { statusCode = 0, headers } = answer
      resolve({ status: statusCode, connection: headers.connection, body: Buffer.concat(chunks).toString() })
    })
    sent.on('timeout', () => {
      resolve('forgotten')
      sent.destroy()
    })
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'lost'),
    )
    sent.end(form && new URLSearchParams(form).toString())
  })
}
