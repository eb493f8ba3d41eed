import type { Request, Response } from 'express'
import { type BodyFilter, createBodyFilter } from './tool_list_body.ts'
import type { ToolListFilter } from './tool_list_filter.ts'

/** Leaves tools out of an answer that the application writes piece by piece. */
export function filterToolList(req: Request, res: Response, filter: ToolListFilter): void {
  forbidCompression(req)
  let body: BodyFilter | undefined
  const { writeHead, write, end } = res
  const begin = () => {
    if (!res.headersSent) res.writeHead(res.statusCode)
  }
  Object.assign(res, {
    writeHead(status: number, ...rest: unknown[]): Response {
      const message = typeof rest[0] === 'string' ? [rest[0]] : []
      setHeaders(
        res,
        rest.find((each) => typeof each === 'object' && each !== null),
      )
      body = createFilter(res, filter)
      return Reflect.apply(writeHead, res, [status, ...message])
    },
    write(chunk: unknown, ...rest: unknown[]): boolean {
      begin()
      if (body === undefined) return Reflect.apply(write, res, [chunk, ...rest])
      // An empty piece would be nothing, but its callback is called.
      return Reflect.apply(write, res, [body.push(toBytes(chunk, rest[0])), 'utf8', ...callbacks(rest)])
    },
    end(...rest: unknown[]): Response {
      begin()
      if (body === undefined) return Reflect.apply(end, res, rest)
      const [chunk, encoding] = rest
      const hasChunk = typeof chunk === 'string' || chunk instanceof Uint8Array
      const text = (hasChunk ? body.push(toBytes(chunk, encoding)) : '') + body.end()
      body = undefined
      return Reflect.apply(end, res, [text, 'utf8', ...callbacks(rest)])
    },
  })
}

/** What is compressed cannot be filtered. */
function forbidCompression(req: Request): void {
  delete req.headers['accept-encoding']
  for (let index = req.rawHeaders.length - 2; index >= 0; index -= 2) {
    if (req.rawHeaders[index]?.toLowerCase() === 'accept-encoding') req.rawHeaders.splice(index, 2)
  }
}

function createFilter(res: Response, filter: ToolListFilter): BodyFilter | undefined {
  const type = String(res.getHeader('Content-Type') ?? '')
  const encoding = String(res.getHeader('Content-Encoding') ?? '')
  const body = createBodyFilter({ type, encoding }, filter)
  if (body === undefined) return undefined
  res.removeHeader('Content-Length')
  res.removeHeader('ETag')
  return body
}

/** The forms that `writeHead` takes: an object, a list of pairs, or a flat list of names and values. */
function setHeaders(res: Response, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null) return
  const isFlat = Array.isArray(headers) && !Array.isArray(headers[0])
  const entries: readonly unknown[][] = isFlat
    ? pairs(headers)
    : Array.isArray(headers)
      ? headers
      : Object.entries(headers)
  const given = new Set<string>()
  for (const [name, value] of entries) {
    const key = String(name)
    const isAgain = given.has(key.toLowerCase())
    given.add(key.toLowerCase())
    const values = Array.isArray(value) ? value.map(String) : String(value)
    if (isAgain) res.appendHeader(key, values)
    else if (value !== undefined) res.setHeader(key, values)
  }
}

function pairs(flat: readonly unknown[]): unknown[][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []))
}

function toBytes(chunk: unknown, encoding: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  return Buffer.from(String(chunk), typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}

function callbacks(rest: readonly unknown[]): unknown[] {
  return rest.filter((each) => typeof each === 'function')
}
