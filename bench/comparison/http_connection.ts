import { once } from 'node:events'
import { connect } from 'node:net'

/** An answer of HTTP/1.1. */
export interface HttpResponse {
  status: number
  /** The status line and the header fields, as they came. */
  head: string
  body: string
}

/**
 * A connection that asks one thing after another. It does what a load generator needs of HTTP/1.1 and no more, so that it takes little
 * of the core that it shares with the database: `fetch` would take more of it than the server that is measured takes of its own.
 */
export interface HttpConnection {
  /** Rejects where the connection ends before its answer does. */
  ask(request: string): Promise<HttpResponse>
  close(): void
}

export async function openConnection(port: number): Promise<HttpConnection> {
  const answers = readAnswers()
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    // One buffer for all that comes: one for each answer would have this process collect garbage while it takes times.
    onread: {
      buffer: Buffer.alloc(64 * 1024),
      callback(size, buffer) {
        // The bodies that are compared are ASCII; a byte a character is cheapest.
        answers.take((buffer as Buffer).toString('latin1', 0, size))
        return true
      },
    },
  })
  await once(socket, 'connect')
  const fail = (error?: Error) => answers.fail(error ?? new Error('The server closed the connection.'))
  socket.on('error', fail)
  socket.on('close', () => fail())
  return {
    ask(request) {
      const answer = answers.next()
      socket.write(request, 'latin1')
      return answer
    },
    close: () => socket.destroy(),
  }
}

/** A request without its body; `Content-Length` is added where there is one. */
export interface RequestHead {
  method: 'GET' | 'POST'
  path: string
  host: string
  headers?: Readonly<Record<string, string>>
}

/** Makes requests that differ in their bodies alone. */
export function prepareRequest({ method, path, host, headers = {} }: RequestHead): (body?: string) => string {
  const fields = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `${method} ${path} HTTP/1.1\r\n${fields.join('')}`
  return (body) =>
    body === undefined ? `${head}\r\n` : `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** The first value of a header field. */
export function headerOf({ head }: HttpResponse, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1]
}

/** What `Set-Cookie` says, as a `Cookie` field would give it back. */
export function cookiesOf({ head }: HttpResponse): ReadonlyMap<string, string> {
  const pairs = [...head.matchAll(/\r\nset-cookie: *([^=\r;]+)=([^;\r]*)/gi)]
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]))
}

function readAnswers() {
  let received = ''
  let waiting: PromiseWithResolvers<HttpResponse> | undefined
  return {
    take(data: string): void {
      received += data
      const response = parseResponse(received)
      if (response === undefined) return
      received = ''
      waiting?.resolve(response)
    },
    fail(error: Error): void {
      waiting?.reject(error)
    },
    next(): Promise<HttpResponse> {
      waiting = Promise.withResolvers()
      return waiting.promise
    },
  }
}

/** The answer, once all of it is there. */
function parseResponse(received: string): HttpResponse | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = received.slice(0, end)
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    if (received.length < end + 4 + Number(length)) return undefined
    return { status, head, body: received.slice(end + 4) }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, head, body: '' }
  const body = joinChunks(received, end + 4)
  return body === undefined ? undefined : { status, head, body }
}

/** RFC 9112 §7.1, without trailers. */
function joinChunks(received: string, start: number): string | undefined {
  let body = ''
  for (let at = start; ; ) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(received.slice(at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (received.length < next) return undefined
    if (size === 0) return body
    body += received.slice(lineEnd + 2, lineEnd + 2 + size)
    at = next
  }
}
