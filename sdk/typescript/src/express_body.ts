import type { Request } from 'express'
import { AuthAgentError } from './errors.ts'
import { checkSize, concatenate, type RequestBody } from './request_body.ts'

/**
 * Reads a body, or takes what was parsed of it before. What is read is put back, so that who comes next reads the same.
 *
 * @throws AuthAgentError `request_too_large`
 */
export async function readBody(req: Request, limit: number): Promise<RequestBody> {
  // Older versions of express.json() set an empty object where they read nothing.
  if (req.readableDidRead) return { parsed: parsedBefore(req) }
  checkSize(Number(req.headers['content-length'] ?? 0), limit)
  const bytes = await readAndPutBack(req, limit)
  // Some platforms read the stream themselves, and leave what they parsed.
  if (bytes.byteLength === 0 && isParsed(req.body)) return { parsed: req.body }
  return { bytes }
}

/** By express.json(), or express.text() and express.raw(), whose outcome somebody is about to parse. */
function parsedBefore(req: Request): unknown {
  const body: unknown = req.body
  if (body instanceof Uint8Array)
    return parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }), body)
  return typeof body === 'string' ? parseText(body) : body
}

function parse(decoder: TextDecoder, bytes: Uint8Array): unknown {
  try {
    return parseText(decoder.decode(bytes))
  } catch {
    return undefined
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isParsed(body: unknown): boolean {
  return typeof body === 'object' && body !== null
}

/**
 * Reads to the end, and puts everything back before the stream says that it has ended: `unshift` is for that. Nothing
 * else could serve both readers of streams and those of events.
 */
function readAndPutBack(req: Request, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    const settle = (act: () => void) => {
      req.off('readable', read).off('end', end).off('error', fail).off('close', close)
      act()
    }
    const fail = (error: Error) => settle(() => reject(error))
    const close = () =>
      fail(new AuthAgentError('invalid_request', 'The request was given up before its end.'))
    const end = () => settle(() => resolve(new Uint8Array(0)))
    const read = () => {
      for (let chunk: Uint8Array | null = req.read(); chunk !== null; chunk = req.read()) {
        chunks.push(chunk)
        size += chunk.byteLength
      }
      if (size > limit) {
        settle(() => {
          req.resume()
          reject(new AuthAgentError('request_too_large', `The body is larger than ${limit} bytes.`))
        })
      } else if (req.complete && size > 0) {
        const bytes = concatenate(chunks, size)
        req.unshift(bytes)
        keepRawBody(req, bytes)
        settle(() => resolve(bytes))
      }
    }
    req.on('readable', read).on('end', end).on('error', fail).on('close', close)
  })
}

/** Listeners that make a `Request` of it (@hono/node-server) take no stream that was read from, but a `rawBody`. */
function keepRawBody(
  req: Request & { rawBody?: unknown },
  { buffer, byteOffset, byteLength }: Uint8Array,
): void {
  req.rawBody ??= Buffer.from(buffer, byteOffset, byteLength)
}
