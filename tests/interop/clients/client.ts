/** A real MCP client, whichever SDK it is built on. */
export interface McpClient {
  /** The revision of MCP that was negotiated. */
  readonly revision: string
  /** Calls a tool, and has the person authorize where the server asks for it. Rejects where the tool says no. */
  call(tool: string, args: Record<string, unknown>): Promise<string>
  credentials(): Promise<Credentials>
  close(): Promise<void>
}

/** What the client holds after an authorization. */
export interface Credentials {
  access_token: string
  refresh_token: string
  scope: string
  client_id: string
}

/** How to start a client. */
export interface ClientOptions {
  /** The MCP server. */
  url: string
  /** The revision of MCP that the client offers. */
  revision: string
  /** A client of its own for the authorization server: the same metadata are the same client. */
  clientName: string
  redirectUri: string
  /** Brings the person to an authorization request, and returns where the browser was sent back to. */
  authorize(request: URL): Promise<URL>
}

export const OLDEST_REVISION = '2025-06-18'
export const LATEST_HANDSHAKE_REVISION = '2025-11-25'
export const STATELESS_REVISION = '2026-07-28'

/** A `fetch` that offers the given revision in the handshake, as a client of its time did. */
export function offering(revision: string): typeof fetch {
  return async (input, init) => {
    const body = init?.body
    if (typeof body !== 'string' || !body.includes('"initialize"')) return fetch(input, init)
    const message = JSON.parse(body) as { params: object }
    const offered = { ...message, params: { ...message.params, protocolVersion: revision } }
    return fetch(input, { ...init, body: JSON.stringify(offered) })
  }
}

export function textOf(result: unknown): string {
  const { content, isError } = result as { content: { text?: string }[]; isError?: boolean }
  const text = content.map((part) => part.text ?? '').join('')
  if (isError) throw new Error(text)
  return text
}
