import { AuthAgentError, JsonRpcError } from './errors.ts'

/** A body as an adapter has it: its bytes, or what was parsed of it before, which is then what the application sees. */
export type RequestBody = { bytes: Uint8Array } | { parsed: unknown }

const PARSE_ERROR = -32_700
/** With another charset the application would read something else than what is checked here. */
const UTF8 = /^utf-?8$/i
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Refuses what is not plain UTF-8, before it is read (RFC 9110 §8.4, RFC 8259 §8.1).
 *
 * @throws AuthAgentError `unsupported_media_type`
 */
export function checkEncoding(contentEncoding: string | undefined, contentType: string | undefined): void {
  const coding = contentEncoding?.trim().toLowerCase() ?? ''
  if (coding !== '' && coding !== 'identity') {
    throw new AuthAgentError('unsupported_media_type', 'Send the body as it is, without a Content-Encoding.')
  }
  for (const [, charset = ''] of (contentType ?? '').matchAll(/;\s*charset\s*=\s*"?([^\s;"]*)/gi)) {
    if (!UTF8.test(charset)) throw new AuthAgentError('unsupported_media_type', 'Send the body in UTF-8.')
  }
}

/** The messages of a body, and whether it is a batch. @throws JsonRpcError -32700 */
export function parseBody(body: RequestBody): unknown {
  if ('parsed' in body) return body.parsed
  try {
    return JSON.parse(decoder.decode(body.bytes))
  } catch {
    throw notJson()
  }
}

export function notJson(): JsonRpcError {
  return new JsonRpcError(PARSE_ERROR, 'The body must be UTF-8 JSON: a message, or a list of messages.', null)
}

/** @throws AuthAgentError `request_too_large` */
export function checkSize(bytes: number, limit: number): void {
  if (bytes > limit) throw new AuthAgentError('request_too_large', `The body is larger than ${limit} bytes.`)
}

/**
 * Reads a stream to its end, or to the limit.
 *
 * @throws AuthAgentError `request_too_large`
 */
export async function readStream(
  stream: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunksOf(stream)) {
    size += chunk.byteLength
    checkSize(size, limit)
    chunks.push(chunk)
  }
  return concatenate(chunks, size)
}

export function concatenate(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size)
  let position = 0
  for (const chunk of chunks) {
    whole.set(chunk, position)
    position += chunk.byteLength
  }
  return whole
}

/** Not every runtime can iterate over streams. What is not read to the end is cancelled. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let isAtEnd = false
  try {
    while (true) {
      const { done, value } = await reader.read()
      isAtEnd = done
      if (done) return
      yield value
    }
  } finally {
    if (!isAtEnd) await reader.cancel().catch(() => undefined)
    reader.releaseLock()
  }
}
