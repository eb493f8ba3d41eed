import { createHash } from 'node:crypto'
import { FOR_ANY_ORIGIN } from './cors.ts'

/** Discovery documents and keys change rarely, and never without notice as long as this. In seconds. */
const MAX_AGE = 300

/** A public JSON document with its validator (RFC 9110 §8.8.3, RFC 9111). */
export interface CacheableDocument {
  readonly body: string
  readonly etag: string
  /** Of the whole document. */
  readonly headers: Readonly<Record<string, string>>
  /** Of the answer to whoever has it. */
  readonly validators: Readonly<Record<string, string>>
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
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const validators = { ETag: etag, 'Cache-Control': `public, max-age=${MAX_AGE}`, ...FOR_ANY_ORIGIN }
  return { body, etag, validators, headers: { ...validators, 'Content-Type': 'application/json' } }
}

/** Answers with the document, or with 304 to whoever has it. It is public, so scripts of every origin may read it. */
export function respondCacheable(request: Request, document: CacheableDocument): Response {
  const known = request.headers.get('If-None-Match')
  if (known !== null && names(known, document.etag))
    return new Response(null, { status: 304, headers: document.validators })
  return new Response(document.body, { status: 200, headers: document.headers })
}

/** RFC 9110 §13.1.2: a list of entity tags, compared weakly. */
function names(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
