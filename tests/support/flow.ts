import { createHash, randomBytes } from 'node:crypto'
import { type Browser, createBrowser, type Page } from './browser.ts'
import { OWNER, type TestServer } from './server.ts'

export const MCP_URL = 'https://mcp.example.com/mcp'
export const REDIRECT_URI = 'http://127.0.0.1:33418/callback'

/** A registered MCP server and an API key of it. */
export interface RegisteredServer {
  server_id: string
  server_url: string
  key: string
}

export async function registerServer(
  server: TestServer,
  fields: Record<string, unknown> = {},
): Promise<RegisteredServer> {
  const registered = await server.manage<RegisteredServer>('POST', '/servers', {
    server_url: MCP_URL,
    server_name: 'Files',
    scopes: [
      { name: 'files:read', description: 'Read your files' },
      { name: 'files:write', description: 'Change your files' },
    ],
    ...fields,
  })
  const { key_secret } = await server.manage<{ key_secret: string }>(
    'POST',
    `/servers/${registered.server_id}/keys`,
    {
      name: 'test',
    },
  )
  return { ...registered, key: key_secret }
}

/** Registers a public client dynamically, as most MCP clients do. */
export async function registerClient(
  server: TestServer,
  metadata: Record<string, unknown> = {},
): Promise<string> {
  const response = await server.fetch('/register', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Test client',
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  })
  const body = (await response.json()) as { client_id: string }
  if (response.status !== 201)
    throw new Error(`Registration answered ${response.status}: ${JSON.stringify(body)}`)
  return body.client_id
}

export interface Pkce {
  verifier: string
  challenge: string
}

export function createPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** The URL of an authorization request; undefined leaves a parameter out, a list repeats it. */
export function authorizeUrl(
  clientId: string,
  pkce: Pkce,
  parameters: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const all = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    state: 'a-state',
    resource: MCP_URL,
    ...parameters,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(all)) {
    for (const one of value === undefined ? [] : [value].flat()) query.append(name, one)
  }
  return `/authorize?${query}`
}

/** Signs in with a password where the page asks for it, and returns the page that follows. */
export async function signIn(browser: Browser, page: Page, person = OWNER): Promise<Page> {
  return browser.submit(page, person, '/sign-in')
}

/** Sends the request, signs in if asked, allows everything, and returns where the browser was sent. */
export async function authorize(
  server: TestServer,
  url: string,
  { browser = createBrowser(server), person = OWNER }: { browser?: Browser; person?: typeof OWNER } = {},
): Promise<URL> {
  let page = await browser.open(url)
  if (page.html.querySelector('form[action$="/sign-in"]')) page = await signIn(browser, page, person)
  if (page.leftTo === undefined) page = await browser.submit(page, { decision: 'approve' }, '/consent')
  if (page.leftTo === undefined)
    throw new Error(`The browser was not sent back (${page.status}): ${page.text()}`)
  return page.leftTo
}

export type TokenBody = Record<string, unknown> & {
  access_token: string
  refresh_token: string
  error?: string
}

/** Posts to the token endpoint. */
export async function requestToken(
  server: TestServer,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: TokenBody }> {
  const response = await server.fetch('/token', {
    method: 'POST',
    body: new URLSearchParams(parameters),
    headers,
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as TokenBody }
}

export interface Granted {
  clientId: string
  code: string
  pkce: Pkce
  tokens: TokenBody
}

/** The whole way to tokens: register, authorize, sign in, consent, exchange. */
export async function grant(
  server: TestServer,
  options: {
    clientId?: string
    parameters?: Record<string, string | readonly string[] | undefined>
    browser?: Browser
    person?: typeof OWNER
  } = {},
): Promise<Granted> {
  const clientId = options.clientId ?? (await registerClient(server))
  const pkce = createPkce()
  const sentTo = await authorize(server, authorizeUrl(clientId, pkce, options.parameters), options)
  const code = sentTo.searchParams.get('code')
  if (code === null) throw new Error(`There is no code in ${sentTo.search}`)
  const { status, body } = await requestToken(server, {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: pkce.verifier,
  })
  if (status !== 200) throw new Error(`The token endpoint answered ${status}: ${JSON.stringify(body)}`)
  return { clientId, code, pkce, tokens: body }
}

/** Refreshes and returns what came back. */
export function refresh(
  server: TestServer,
  { clientId }: { clientId: string },
  refreshToken: string,
  more = {},
) {
  return requestToken(server, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    ...more,
  })
}

/** Asks the introspection endpoint with a server's API key. */
export async function introspect(
  server: TestServer,
  key: string,
  token: string,
): Promise<Record<string, unknown>> {
  const response = await server.fetch('/introspect', {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
    body: new URLSearchParams({ token }),
  })
  return (await response.json()) as Record<string, unknown>
}
