import { cors } from 'hono/cors'
import { NO_STORE } from './json_response.ts'

/** MCP clients send the headers of their transport to every endpoint, so the preflight has to admit them. */
const CLIENT_HEADERS = [
  'Authorization',
  'Content-Type',
  'DPoP',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Session-Id',
]
const EXPOSED_HEADERS = ['WWW-Authenticate', 'Retry-After', 'X-Request-Id']

/** What lets a script of any origin read an answer (Fetch §3.3.3). No cookie counts where it stands. */
export const FOR_ANY_ORIGIN = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': EXPOSED_HEADERS.join(','),
} as const

/** For answers with tokens or about them, to programs that may run in a browser. */
export const NO_STORE_FOR_ANY_ORIGIN = { ...NO_STORE, ...FOR_ANY_ORIGIN } as const

/**
 * Answers preflight requests, and nothing else. As a middleware it would open every answer as well, at the price of the whole route of
 * discovery; so an answer for programs says itself that it is {@link FOR_ANY_ORIGIN}.
 */
export const answerPreflight = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
  allowHeaders: CLIENT_HEADERS,
  exposeHeaders: EXPOSED_HEADERS,
  maxAge: 86_400,
})
