import { cors } from 'hono/cors'

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

/** Answers preflight requests, and nothing else: as a middleware it would cost each answer as much as its route. */
export const answerPreflight = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
  allowHeaders: CLIENT_HEADERS,
  exposeHeaders: EXPOSED_HEADERS,
  maxAge: 86_400,
})

/** Lets a script of any origin read the answer. */
export function openToAnyOrigin(response: Response): Response {
  for (const [name, value] of Object.entries(FOR_ANY_ORIGIN)) response.headers.set(name, value)
  return response
}
