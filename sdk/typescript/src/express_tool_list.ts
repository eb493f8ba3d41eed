import type { Request, Response } from 'express'
import { beforeHead } from './express_head.ts'
import { type BodyFilter, createBodyFilter } from './tool_list_body.ts'
import type { ToolListFilter } from './tool_list_filter.ts'

/** Leaves tools out of an answer that the application writes piece by piece. */
export function filterToolList(req: Request, res: Response, filter: ToolListFilter): void {
  forbidCompression(req)
  let body: BodyFilter | undefined
  const { write, end } = res
  const begin = () => {
    if (!res.headersSent) res.writeHead(res.statusCode)
  }
  beforeHead(res, () => {
    body = createFilter(res, filter)
  })
  Object.assign(res, {
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

function toBytes(chunk: unknown, encoding: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  return Buffer.from(String(chunk), typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}

function callbacks(rest: readonly unknown[]): unknown[] {
  return rest.filter((each) => typeof each === 'function')
}
