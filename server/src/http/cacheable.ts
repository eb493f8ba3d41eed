import { createHash } from 'node:crypto'

/** Discovery documents and keys change rarely, and never without notice as long as this. In seconds. */
const MAX_AGE = 300

/** A public JSON document with its validator, made once for many answers (RFC 9110 §8.8.3, RFC 9111). */
export interface CacheableDocument {
  body: string
  etag: string
}

export function cacheableDocument(content: object): CacheableDocument {
  const body = JSON.stringify(content)
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

/** Answers with the document, or with 304 to whoever has it. */
export function respondCacheable(request: Request, { body, etag }: CacheableDocument): Response {
  const headers = { ETag: etag, 'Cache-Control': `public, max-age=${MAX_AGE}` }
  const known = request.headers
    .get('If-None-Match')
    ?.split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
  if (known?.includes(etag)) return new Response(null, { status: 304, headers })
  return new Response(body, { status: 200, headers: { ...headers, 'Content-Type': 'application/json' } })
}
