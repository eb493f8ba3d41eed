import type { Pkce } from '../../../../tests/support/flow.ts'
import { type HttpResponse, headerOf } from '../../http_connection.ts'

/** Where the server says that it is. The load comes to it as from the proxy before it, which ends TLS. */
export const BASE_URL = 'https://auth.example.com'
export const HOST = new URL(BASE_URL).host
export const RESOURCE = 'https://mcp.example.com/mcp'
export const REDIRECT_URI = 'http://127.0.0.1:8976/callback'

export const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
/** A browser says where the page comes from that sends a form. */
export const FROM_PAGE = { 'Content-Type': 'application/json', Origin: BASE_URL }

/** A public client, as a client of MCP registers itself. */
export const REGISTRATION = JSON.stringify({
  client_name: 'A client of MCP',
  redirect_uris: [REDIRECT_URI],
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
})

export interface Service {
  id: string
  secret: string
}

/** Services of the operator. */
export interface Services {
  /** Takes tokens for itself. */
  machine: Service
  /** The resource server, which introspects. */
  api: Service
}

export function basicOf({ id, secret }: Service): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

/** The authorization request of a client that asks for consent each time. */
export function authorizationPath(clientId: string, { challenge }: Pkce): string {
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: 'mcp offline_access',
    state: 'a state of the client',
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    resource: RESOURCE,
  }
  return `/api/auth/oauth2/authorize?${new URLSearchParams(parameters)}`
}

export function codeBody(clientId: string, { verifier }: Pkce, code: string): string {
  const parameters = {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code,
    code_verifier: verifier,
    resource: RESOURCE,
  }
  return new URLSearchParams(parameters).toString()
}

export function refreshBody(clientId: string, refreshToken: string): string {
  return `grant_type=refresh_token&client_id=${clientId}&refresh_token=${refreshToken}`
}

export const CONSENT_PAGE = '/consent'
export const CONSENT_PATH = '/api/auth/oauth2/consent'

/** The signed query that the redirection to the page of consent carries. */
export function consentQueryOf(response: HttpResponse): string | undefined {
  const location = headerOf(response, 'location')
  return location?.startsWith(`${CONSENT_PAGE}?`) ? location.slice(CONSENT_PAGE.length + 1) : undefined
}

/** What the page sends when its user allows all that was asked. */
export function consentBody(query: string): string {
  return JSON.stringify({ accept: true, oauth_query: query })
}

/** The code in the answer to it. */
export function codeOf({ body }: HttpResponse): string | undefined {
  return /[?&]code=([^&"]+)/.exec(body)?.[1]
}
