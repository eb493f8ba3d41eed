import { networkOf } from '@auth-agent/server/network'

/** The network that Cloudflare names as that of every client that is a Worker in somebody else's zone. */
const WORKERS_OF_OTHERS = networkOf('2a06:98c0:3600::103')

/**
 * The client's address. The platform sets `CF-Connecting-IP` on every request, over whatever the client sent. All Workers of
 * others have one address there, which so says nothing of who asks: with a limit of its own, one of them could lock out the rest.
 *
 * @see https://developers.cloudflare.com/fundamentals/reference/http-headers/#cf-connecting-ip-in-worker-subrequests
 */
export function findClientAddress(headers: Headers): string | undefined {
  const address = headers.get('CF-Connecting-IP') ?? undefined
  return address === undefined || networkOf(address) === WORKERS_OF_OTHERS ? undefined : address
}
