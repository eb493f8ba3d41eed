import type { ServerContext } from '../context.ts'
import { cacheableDocument, respondCacheable } from '../http/cacheable.ts'
import type { PublishedKeys } from '../tokens/signing_keys.ts'

/**
 * The public keys (RFC 7517 §5): those that sign, the next ones, and those whose tokens live on. A key is published
 * a day before it signs, so a cached set always holds it by then.
 */
export function jwks(context: ServerContext, request: Request): Response | Promise<Response> {
  const respond = (keys: PublishedKeys) => respondCacheable(request, cacheableDocument(keys))
  const keys = context.signingKeys.jwks()
  return keys instanceof Promise ? keys.then(respond) : respond(keys)
}
