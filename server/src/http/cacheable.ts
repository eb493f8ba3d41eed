import { createHash } from 'node:crypto'
import { FOR_ANY_ORIGIN } from './cors.ts'

/** Discovery documents and keys change rarely, and never without notice as long as this. In seconds. */
const MAX_AGE = 300

/** A public JSON document with its validator (RFC 9110 §8.8.3, RFC 9111). */
export interface CacheableDocument {
  body: string
  etag: string
}

/** Made once for each content object, and forgotten with it: whoever answers with the same object pays for it once. */
const documents = new WeakMap<object, CacheableDocument>()

export function cacheableDocument(content: object): CacheableDocument {
  const known = documents.get(content)
  if (known !== undefined) return known
  const document = makeDocument(content)
  documents.set(content, document)
  return document
}

function makeDocument(content: object): CacheableDocument {
  const body = JSON.stringify(content)
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

/** Answers with the document, or with 304 to whoever has it. It is public, so scripts of every origin may read it. */
export function respondCacheable(request: Request, { body, etag }: CacheableDocument): Response {
  const headers = { ETag: etag, 'Cache-Control': `public, max-age=${MAX_AGE}`, ...FOR_ANY_ORIGIN }
  const known = request.headers
    .get('If-None-Match')
    ?.split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
  if (known?.includes(etag)) return new Response(null, { status: 304, headers })
  return new Response(body, { status: 200, headers: { ...headers, 'Content-Type': 'application/json' } })
}
