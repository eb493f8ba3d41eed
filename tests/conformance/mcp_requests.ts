import { randomUUID } from 'node:crypto'

/** The last revision with sessions, and the first without. */
export const SESSION_REVISION = '2025-11-25'
export const SESSIONLESS_REVISION = '2026-07-28'

/** A JSON-RPC message of a server. */
export interface Message {
  id?: number | string
  method?: string
  params?: Record<string, unknown>
  result?: Record<string, unknown>
  error?: { code: number; message: string }
}

/** What a client may put into a request. */
export interface Outgoing {
  method: string
  params?: Record<string, unknown>
}

/** Requests as a client of one revision sends them, over plain HTTP, so that a test sees each byte and status. */
export interface McpRequests {
  /** What is sent with every request, beside its own headers. */
  headers: Record<string, string>
  /** The request for a JSON-RPC message; `id` is that of its answer. */
  build(message: Outgoing): { id: string; headers: Record<string, string>; body: string }
  send(message: Outgoing): Promise<Response>
  /** The result of a request, however it is answered. */
  ask(message: Outgoing): Promise<Record<string, unknown>>
}

/** Without sessions: each request says what it needs to be understood (SEP-2575, SEP-2243). */
export function createSessionlessRequests(url: string, token: string): McpRequests {
  return createRequests(url, token, ({ method, params = {} }) => {
    const name = params['name'] ?? params['uri']
    return {
      headers: {
        'MCP-Protocol-Version': SESSIONLESS_REVISION,
        'Mcp-Method': method,
        ...(typeof name === 'string' && { 'Mcp-Name': name }),
      },
      params: { ...params, _meta: { ...SESSIONLESS_META, ...(params['_meta'] as object | undefined) } },
    }
  })
}

const SESSIONLESS_META = {
  'io.modelcontextprotocol/protocolVersion': SESSIONLESS_REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1.0.0' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Begins a session, and sends its requests. */
export async function openSession(url: string, token: string): Promise<McpRequests> {
  const opening = createRequests(url, token, ({ params = {} }) => ({ headers: {}, params }))
  const answer = await opening.send({
    method: 'initialize',
    params: {
      protocolVersion: SESSION_REVISION,
      capabilities: {},
      clientInfo: { name: 'test', version: '1.0.0' },
    },
  })
  const sessionId = answer.headers.get('Mcp-Session-Id')
  await answer.text()
  if (sessionId === null) throw new Error(`There is no session: ${answer.status}.`)
  const headers = { 'Mcp-Session-Id': sessionId, 'MCP-Protocol-Version': SESSION_REVISION }
  const session = createRequests(url, token, ({ params = {} }) => ({ headers, params }))
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' }
  const accepted = await fetch(url, {
    method: 'POST',
    headers: { ...session.headers, ...headers },
    body: JSON.stringify(initialized),
  })
  if (accepted.status !== 202) throw new Error(`The session did not begin: ${accepted.status}.`)
  return { ...session, headers: { ...session.headers, ...headers } }
}

function createRequests(
  url: string,
  token: string,
  complete: (message: Outgoing) => { headers: Record<string, string>; params: Record<string, unknown> },
): McpRequests {
  const headers = {
    Authorization: `Bearer ${token}`,
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
  }
  const build = (message: Outgoing) => {
    const id = randomUUID()
    const completed = complete(message)
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: message.method, params: completed.params })
    return { id, headers: { ...headers, ...completed.headers }, body }
  }
  const send = (message: Outgoing) => fetch(url, { method: 'POST', ...build(message) })
  return {
    headers,
    build,
    send,
    async ask(message) {
      const request = build(message)
      return findResult(await fetch(url, { method: 'POST', ...request }), request.id)
    },
  }
}

/** The result for an id. Throws for an error, and for an answer that has neither. */
export async function findResult(response: Response, id: string): Promise<Record<string, unknown>> {
  for await (const message of readMessages(response)) {
    if (message.id === id && message.result !== undefined) return message.result
    if (message.error !== undefined) throw new Error(message.error.message)
  }
  throw new Error(`There is no result in an answer ${response.status}.`)
}

/** The messages of an answer, each as soon as it is there: of an event stream, or the one of a JSON body. */
export async function* readMessages(response: Response): AsyncGenerator<Message> {
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    yield (await response.json()) as Message
    return
  }
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (reader === undefined) return
  let text = ''
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += read.value.replaceAll('\r\n', '\n')
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart())
        .join('\n')
      if (data !== '') yield JSON.parse(data) as Message
    }
  }
}

/** The text that a tool answered with. */
export function textOf(result: Record<string, unknown>): string {
  const [content] = result['content'] as { text: string }[]
  return content?.text ?? ''
}
