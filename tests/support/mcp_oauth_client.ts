import { randomBytes } from 'node:crypto'
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'
import type { Page } from 'playwright-core'
import type { CallbackServer } from './callback_server.ts'

/**
 * What an MCP client keeps, in memory: its registration, its tokens, and the authorization request that it waits for.
 * Versions 1 and 2 of the official SDK take the same.
 */
export interface McpOAuthClient extends OAuthClientProvider {
  /** Undefined until it has registered or presented its document. */
  registration: StoredOAuthClientInformation | undefined
  granted: StoredOAuthTokens | undefined
  /** Where the SDK wanted to send the person, oldest first. */
  requests: URL[]
}

/** @param clientMetadataUrl for a client that is known by its metadata document; others register dynamically */
export function createMcpOAuthClient(redirectUrl: string, clientMetadataUrl?: string): McpOAuthClient {
  let verifier = ''
  let discovered: OAuthDiscoveryState | undefined
  const client: McpOAuthClient = {
    registration: undefined,
    granted: undefined,
    requests: [],
    redirectUrl,
    clientMetadata: createClientMetadata(redirectUrl),
    ...(clientMetadataUrl !== undefined && { clientMetadataUrl }),
    state: () => randomBytes(16).toString('base64url'),
    clientInformation: () => client.registration,
    saveClientInformation(information) {
      client.registration = information
    },
    tokens: () => client.granted,
    saveTokens(tokens) {
      client.granted = tokens
    },
    redirectToAuthorization: (url) => void client.requests.push(url),
    saveCodeVerifier(codeVerifier) {
      verifier = codeVerifier
    },
    codeVerifier: () => verifier,
    saveDiscoveryState(state) {
      discovered = state
    },
    discoveryState: () => discovered,
    // Asked for when the server says that what is kept is worth nothing any more.
    invalidateCredentials(scope) {
      if (scope === 'all' || scope === 'tokens') client.granted = undefined
      if (scope === 'all' || scope === 'client') client.registration = undefined
      if (scope === 'all' || scope === 'discovery') discovered = undefined
    },
  }
  return client
}

export function createClientMetadata(redirectUrl: string): OAuthClientMetadata {
  return {
    client_name: 'Desk',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
}

/**
 * Brings the person to the latest authorization request of the client, lets `decide` act on the page, and returns
 * the callback, whose `state` is checked, which the SDK leaves to its user.
 */
export async function authorizeInBrowser(
  client: McpOAuthClient,
  callback: CallbackServer,
  page: Page,
  decide: (page: Page) => Promise<void>,
): Promise<URL> {
  const request = client.requests.at(-1)
  if (request === undefined) throw new Error('The SDK asked for no authorization.')
  await page.goto(request.href)
  await decide(page)
  const answer = await callback.next()
  if (answer.searchParams.get('state') !== request.searchParams.get('state'))
    throw new Error(`The state is another: ${answer.search}`)
  return answer
}
