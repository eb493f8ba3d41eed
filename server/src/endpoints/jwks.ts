import type { ServerContext } from '../context.ts'
import { cacheableDocument, respondCacheable } from '../http/cacheable.ts'

/**
 * The public keys (RFC 7517 §5): those that sign, the next ones, and those whose tokens live on. A key is published
 * a day before it signs, so a cached set always holds it by then.
 */
export async function jwks(context: ServerContext, request: Request): Promise<Response> {
  return respondCacheable(request, cacheableDocument(await context.signingKeys.jwks()))
}
