import type { Pkce } from '../../../../tests/support/flow.ts'
import type { Cookies } from '../../cookies.ts'
import { prepareRequest } from '../../http_connection.ts'

export const RESOURCE = 'https://mcp.example.com/mcp'
const REDIRECT_URI = 'http://127.0.0.1:8976/callback'
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** A public client, as a client of MCP registers itself. */
const REGISTRATION = JSON.stringify({
  client_name: 'A client of MCP',
  redirect_uris: [REDIRECT_URI],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
})

/** What the server is asked. */
export interface Requests {
  metadata: string
  registration: string
  authorization(clientId: string, pkce: Pkce, cookies: Cookies): string
  /** @param handle of the page, as its form holds it */
  consent(handle: string, cookies: Cookies): string
  exchange(clientId: string, pkce: Pkce, code: string): string
  refresh(clientId: string, refreshToken: string): string
}

export function createRequests(host: string): Requests {
  const token = prepareRequest({ method: 'POST', path: '/oauth/token', host, headers: FORM })
  const json = { 'Content-Type': 'application/json' }
  return {
    metadata: prepareRequest({ method: 'GET', path: '/.well-known/oauth-authorization-server', host })(),
    registration: prepareRequest({ method: 'POST', path: '/oauth/register', host, headers: json })(
      REGISTRATION,
    ),
    authorization(clientId, pkce, { field }) {
      const path = `/authorize?${authorizationQuery(clientId, pkce)}`
      return prepareRequest({ method: 'GET', path, host, headers: { Cookie: field } })()
    },
    consent(handle, { field }) {
      const headers = { ...FORM, Cookie: field, Origin: `http://${host}` }
      return prepareRequest({ method: 'POST', path: '/authorize', host, headers })(`handle=${handle}`)
    },
    exchange: (clientId, pkce, code) => token(exchangeBody(clientId, pkce, code)),
    refresh: (clientId, refreshToken) =>
      token(`grant_type=refresh_token&client_id=${clientId}&refresh_token=${refreshToken}`),
  }
}

function authorizationQuery(clientId: string, { challenge }: Pkce): string {
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: 'mcp offline_access',
    state: 'a state of the client',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: RESOURCE,
  }
  return new URLSearchParams(parameters).toString()
}

function exchangeBody(clientId: string, { verifier }: Pkce, code: string): string {
  const parameters = {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    // It stands in a URL as it is.
    code: decodeURIComponent(code),
    code_verifier: verifier,
    resource: RESOURCE,
  }
  return new URLSearchParams(parameters).toString()
}
