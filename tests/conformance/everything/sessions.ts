import { randomUUID } from 'node:crypto'
import {
  type EventStore,
  type JSONRPCMessage,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'

/** How soon a client that lost its stream may come again. */
const RETRY_MS = 100

/** The sessions of revisions before 2026-07-28: each has a server of its own, from `initialize` to `DELETE`. */
export class Sessions {
  readonly #transports = new Map<string, WebStandardStreamableHTTPServerTransport>()
  readonly #createServer: () => McpServer
  readonly #maxBodySize: number

  /** @param maxBodySize in bytes */
  constructor(createServer: () => McpServer, maxBodySize: number) {
    this.#createServer = createServer
    this.#maxBodySize = maxBodySize
  }

  async answer(request: Request): Promise<Response> {
    const id = request.headers.get('Mcp-Session-Id')
    if (id === null) return (await this.#open()).handleRequest(request)
    // "The server MUST respond to requests containing that session ID with HTTP 404 Not Found" once it has ended.
    return this.#transports.get(id)?.handleRequest(request) ?? new Response(null, { status: 404 })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#transports.values()].map((transport) => transport.close()))
  }

  /** A session that begins if the request is `initialize`; the transport refuses other requests without a session. */
  async #open(): Promise<WebStandardStreamableHTTPServerTransport> {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#transports.set(id, transport),
      onsessionclosed: (id) => void this.#transports.delete(id),
      eventStore: new RememberedEvents(),
      retryInterval: RETRY_MS,
      maxRequestBodySize: this.#maxBodySize,
    })
    await this.#createServer().connect(transport)
    return transport
  }
}

/** What one session sent, for clients that come again with `Last-Event-ID`. */
class RememberedEvents implements EventStore {
  readonly #events: { streamId: string; message: JSONRPCMessage }[] = []

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    this.#events.push({ streamId, message })
    return String(this.#events.length - 1)
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return this.#events[Number(eventId)]?.streamId
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const streamId = (await this.getStreamIdForEventId(lastEventId)) ?? ''
    for (const [index, event] of this.#events.entries()) {
      // A priming event has no message.
      if (index <= Number(lastEventId) || event.streamId !== streamId || !('jsonrpc' in event.message))
        continue
      await send(String(index), event.message)
    }
    return streamId
  }
}
