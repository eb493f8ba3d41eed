import type { ServerContext } from '../../server/src/context.ts'
import { createContext } from '../../server/src/create_context.ts'
import { managementApi } from '../../server/src/management/api.ts'
import type { ServerOptions } from '../../server/src/options.ts'
import { identifyBrowser } from '../../server/src/sign_in/browser.ts'
import { startSession } from '../../server/src/sign_in/session.ts'
import type { Database } from '../../server/src/storage/database.ts'

export const ADMIN_TOKEN = 'an-admin-token-of-more-than-32-characters'
export const ISSUER = 'https://as.example'

const OPTIONS: Omit<ServerOptions, 'database'> = {
  issuer: ISSUER,
  secrets: ['a server secret that has more than thirty-two bytes'],
  pbkdf2Iterations: 1000,
  adminToken: ADMIN_TOKEN,
  fetchPublicUrl: () => Promise.reject(new Error('No test of the management API fetches anything.')),
}

/** What the management API answered. */
export interface Answer {
  status: number
  headers: Headers
  /** The parsed body; undefined where there was none. */
  body: Json
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers member by member and says what it expects there.
type Json = any

/** Calls the management API in process. `path` begins behind `/api`. */
export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

/** The management API over a database, its context, and callers with each kind of credential. */
export interface ManagementTest {
  context: ServerContext
  /** Without a credential but those in `headers`. */
  call: Call
  /** With the admin token. */
  asAdmin: Call
  /** With the session of a person, as the console calls: cookies and `X-CSRF-Token`. */
  asUser(userId: string): Promise<Call>
}

export async function createManagementTest(
  database: Database,
  options: Partial<ServerOptions> = {},
): Promise<ManagementTest> {
  const context = await createContext({ ...OPTIONS, database, ...options })
  const api = managementApi(context)
  const call: Call = async (method, path, body, headers = {}) => {
    const request = new Request(`${ISSUER}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const response = await api.fetch(request, { clientAddress: '192.0.2.1', loopback: false })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }
  return {
    context,
    call,
    asAdmin: withHeaders(call, { Authorization: `Bearer ${ADMIN_TOKEN}` }),
    asUser: async (userId) => withHeaders(call, await signIn(context, userId)),
  }
}

function withHeaders(call: Call, credentials: Record<string, string>): Call {
  return (method, path, body, headers = {}) => call(method, path, body, { ...credentials, ...headers })
}

async function signIn(context: ServerContext, userId: string): Promise<Record<string, string>> {
  const request = new Request(ISSUER)
  const session = (await startSession(context, request, { userId, amr: ['pwd'] })).split(';', 1)[0]
  const browser = identifyBrowser(context, request).setCookie?.split(';', 1)[0]
  const Cookie = `${session}; ${browser}`
  const { csrf } = identifyBrowser(context, new Request(ISSUER, { headers: { Cookie } }))
  return { Cookie, 'X-CSRF-Token': csrf, Origin: ISSUER }
}
