import { z } from '@hono/zod-openapi'
import { createMiddleware } from 'hono/factory'
import { readJson } from '../http/json_body.ts'

/** Reads the body within the limits of the whole server, before the schema of a route sees it. */
export const readJsonBody = createMiddleware(async (c, next) => {
  const { url, method, headers } = c.req.raw
  const body = await readJson(c.req.raw)
  c.req.raw = new Request(url, { method, headers, body: JSON.stringify(body) })
  await next()
})

/** Describes a body in JSON. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } }
}

/**
 * An object of a body with these members and no others: what is misspelt must not look as if it had been done. The refusal
 * lists what there is.
 */
export function exactObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape)
  const known = names.length === 1 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `is no member here; there is ${known}` : undefined),
  })
}
