import { networkOf } from '@auth-agent/server/network'
import type { RateLimit } from './bindings.ts'

/** What MCP servers and monitors ask all the time from one address, and what costs nothing. */
const UNLIMITED = /\/(introspect|revocations|health|ready|assets\/.*|\.well-known\/.*)$/

/**
 * Refuses an address (of IPv6, a /64) that asks too much, before anything is done for it. The platform counts in each of its locations by
 * itself; what must be counted exactly (guesses) has its budgets in the database.
 */
export async function refuseTooMany(
  limit: RateLimit | undefined,
  request: Request,
  clientAddress: string | undefined,
): Promise<Response | undefined> {
  if (limit === undefined || clientAddress === undefined) return undefined
  if (UNLIMITED.test(new URL(request.url).pathname)) return undefined
  const { success } = await limit.limit({ key: networkOf(clientAddress) })
  if (success) return undefined
  const body = {
    error: 'slow_down',
    error_description: 'Too many requests from this address. Wait a minute.',
  }
  return Response.json(body, { status: 429, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } })
}
