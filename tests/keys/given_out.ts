import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  REDIRECT_URI,
  refresh,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { registerClientByApi } from '../support/registered_client.ts'
import { OWNER, type TestServer } from '../support/server.ts'

/** What a server has given out under its keys, and whether a node takes it. */
export interface GivenOut {
  isGood: Record<What, (node: TestServer) => Promise<boolean>>
}

export const ALL = [
  'an API key',
  'the secret of a registered client',
  'a session',
  'a refresh token',
  'the id of a dynamic client',
  'the secret of a dynamic client',
  'a registration access token',
  'a form in a browser',
] as const
export type What = (typeof ALL)[number]

/** One of each. Looking whether it is good changes nothing but the refresh token, whose successor is looked at next. */
export async function giveOut(
  server: TestServer,
  { person = OWNER, url = MCP_URL }: { person?: typeof OWNER; url?: string } = {},
): Promise<GivenOut> {
  const { key } = await registerServer(server, { server_url: url })
  const registered = (await registerClientByApi(server, {
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'client_secret_post',
  })) as Registered
  const dynamic = await registerDynamic(server)
  const browser = createBrowser(server)
  const granted = await grant(server, { browser, person, parameters: { resource: url } })
  const session = browser.cookies
  const form = await createFormInBrowser(server)
  let refreshToken = granted.tokens.refresh_token

  return {
    isGood: {
      'an API key': async (node) => (await introspect(node, key, 'unknown'))['active'] === false,
      'the secret of a registered client': (node) => isAuthenticated(node, registered),
      'the secret of a dynamic client': (node) => isAuthenticated(node, dynamic),
      'a session': async (node) => !isAskedToSignIn(await withCookies(node, session).open('/account')),
      'a refresh token': async (node) => {
        const { status, body } = await refresh(node, granted, refreshToken)
        if (status === 200) refreshToken = body.refresh_token
        return status === 200
      },
      'the id of a dynamic client': async (node) => {
        const asked = authorizeUrl(granted.clientId, createPkce(), { resource: url })
        return isAskedToSignIn(await createBrowser(node).open(asked))
      },
      'a registration access token': async (node) => {
        const headers = { Authorization: `Bearer ${registered.registration_access_token}` }
        return (await node.fetch(`/register/${registered.client_id}`, { headers })).ok
      },
      // Whatever its fields are refused for, that comes after.
      'a form in a browser': async (node) => (await form(node)).status !== 403,
    },
  }
}

/** What a node takes of it. */
export async function listGood(node: TestServer, { isGood }: GivenOut): Promise<What[]> {
  const good: What[] = []
  for (const what of ALL) if (await isGood[what](node)) good.push(what)
  return good
}

interface Secret {
  client_id: string
  client_secret: string
}
type Registered = Secret & { registration_access_token: string }

async function registerDynamic(server: TestServer): Promise<Secret> {
  const response = await server.fetch('/register', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'client_secret_post',
    }),
  })
  return (await response.json()) as Secret
}

/** A code that nobody issued is refused after a client that is not itself. */
async function isAuthenticated(node: TestServer, { client_id, client_secret }: Secret): Promise<boolean> {
  const parameters = { grant_type: 'authorization_code', code: 'unknown', code_verifier: 'a'.repeat(43) }
  const { body } = await requestToken(node, { ...parameters, client_id, client_secret })
  return body.error === 'invalid_grant'
}

/** The sign-in page, as a browser has it open; it may be sent to any node. */
async function createFormInBrowser(server: TestServer): Promise<(node: TestServer) => Promise<Page>> {
  const browser = createBrowser(server)
  const page = await browser.open('/sign-in')
  const nobody = { email: 'nobody@example.com', password: 'a wrong password' }
  return (node) => signIn(withCookies(node, browser.cookies), page, nobody)
}

function withCookies(node: TestServer, cookies: ReadonlyMap<string, string>): Browser {
  const browser = createBrowser(node)
  for (const [name, value] of cookies) browser.cookies.set(name, value)
  return browser
}

function isAskedToSignIn(page: Page): boolean {
  return page.html.querySelector('form[action$="/sign-in"]') !== null
}
