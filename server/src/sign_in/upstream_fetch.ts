import type { CustomFetchOptions } from 'oauth4webapi'
import type { FetchPublicUrl, PublicFetchLimits } from '../clients/public_fetch.ts'

/** Key sets are the largest of them; a refusal is an answer that says why. */
const LIMITS: PublicFetchLimits = {
  maxBytes: 64 * 1024,
  contentTypes: ['application/json'],
  statuses: [200, 400, 401, 403],
}

type CustomFetch = (
  url: string,
  options: CustomFetchOptions<'GET' | 'POST', URLSearchParams | undefined>,
) => Promise<Response>

/**
 * The guarded fetch in the shape that oauth4webapi takes. A new one for each sign-in: requests that come by the same one
 * would share an answer, and on Workers it dies with the request that began it.
 */
export function createUpstreamFetch(fetchPublicUrl: FetchPublicUrl): CustomFetch {
  return async (url, { method, headers, body: sent }) => {
    const request = { method, headers, body: sent?.toString() }
    const { status = 200, body, contentType } = await fetchPublicUrl(new URL(url), LIMITS, request)
    return new Response(Buffer.from(body), { status, headers: { 'Content-Type': contentType } })
  }
}
