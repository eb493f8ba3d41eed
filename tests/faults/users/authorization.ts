import { type Browser, createBrowser } from '../../support/browser.ts'
import { authorize, authorizeUrl, createPkce, registerClient } from '../../support/flow.ts'
import type { TestServer } from '../../support/server.ts'
import { Unclear } from '../load_balancer.ts'
import type { World } from '../world.ts'

/** A browser at the load balancer, whose owner comes from an address of his own. */
export function openBrowser(world: World, clientAddress: string): Browser {
  return createBrowser(throughBalancer(world), clientAddress)
}

export async function register(world: World, name: string): Promise<string> {
  const { result } = await world.untilClear('registration', () =>
    registerClient(throughBalancer(world), { client_name: name }),
  )
  return result
}

/** Goes through sign-in and consent until a code comes. */
export async function obtainCode(
  world: World,
  { browser, clientId }: { browser: Browser; clientId: string },
): Promise<{ code: string; verifier: string }> {
  const { result } = await world.untilClear('authorization', async () => {
    const pkce = createPkce()
    const sentTo = await authorize(throughBalancer(world), authorizeUrl(clientId, pkce), { browser })
    const code = sentTo.searchParams.get('code')
    if (code !== null) return { code, verifier: pkce.verifier }
    // A redirect can bear no status 503 (RFC 6749 §4.1.2.1).
    if (sentTo.searchParams.get('error') === 'temporarily_unavailable') throw new Unclear(sentTo.search)
    return world.refuse('An authorization failed.', { search: sentTo.search })
  })
  return result
}

/** Pages, and what flows do before they come to tokens. */
function throughBalancer({ balancer }: World): TestServer {
  const server: Pick<TestServer, 'issuer' | 'fetch'> = {
    issuer: balancer.issuer,
    async fetch(path, init = {}, info) {
      const { pathname } = new URL(path, balancer.issuer)
      const { status, headers, text } = await balancer.ask(path, init, {
        kind: `${init.method ?? 'GET'} ${pathname}`,
        allowed: [200, 201, 302, 303],
        ...(info?.clientAddress !== undefined && { clientAddress: info.clientAddress }),
      })
      return new Response(text, { status, headers })
    },
  }
  return server as TestServer
}
