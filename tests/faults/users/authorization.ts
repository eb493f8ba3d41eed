import { type Browser, createBrowser } from '../../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, signIn } from '../../support/flow.ts'
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
    const wasSignedIn = browser.cookies.has('session')
    let page = await browser.open(authorizeUrl(clientId, pkce))
    if (page.html.querySelector('form[action$="/sign-in"]')) {
      if (wasSignedIn) world.refuse('A session is lost.', { clientId })
      page = await signIn(browser, page)
      world.ledger.acknowledge('sign-in')
    }
    if (page.leftTo === undefined) page = await browser.submit(page, { decision: 'approve' }, '/consent')
    const answer = page.leftTo?.searchParams
    const code = answer?.get('code')
    if (code) return { code, verifier: pkce.verifier }
    // A redirect can bear no status 503 (RFC 6749 §4.1.2.1).
    if (answer?.get('error') === 'temporarily_unavailable') throw new Unclear(String(answer))
    return world.refuse('An authorization failed.', { answer: String(answer), page: page.text() })
  })
  return result
}

/** Ends the session until that is acknowledged. The browser stays one in which somebody signed in before. */
export async function signOut(world: World, browser: Browser): Promise<void> {
  const session = browser.cookies.get('session')
  if (session === undefined) return
  await world.untilClear('sign-out', async () => {
    const page = await browser.open('/logout')
    // Without the form nobody is signed in: the answer to the last attempt was lost.
    if (page.html.querySelector('form[action$="/logout"]')) await browser.submit(page, {}, '/logout')
  })
  browser.cookies.delete('session')
  world.ledger.endedSessions.push(session)
  world.ledger.acknowledge('sign-out')
}

/** A session that has ended opens nothing. */
export async function checkSignedOut(world: World, session: string): Promise<void> {
  const browser = openBrowser(world, '203.0.113.200')
  browser.cookies.set('session', session)
  const page = await browser.open('/account')
  if (!page.html.querySelector('form[action$="/sign-in"]'))
    world.refuse('A session that has ended opens the account page.', { page: page.text() })
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
