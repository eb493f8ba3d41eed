import { createAuditLog } from '../../server/src/audit/events.ts'
import type { ServerContext } from '../../server/src/context.ts'
import { createKeyWrapping } from '../../server/src/keys/key_wrapping.ts'
import { loadPurposeKeys } from '../../server/src/keys/purpose_keys.ts'
import { silentLog } from '../../server/src/log.ts'
import { managementApi } from '../../server/src/management/api.ts'
import { identifyBrowser } from '../../server/src/sign_in/browser.ts'
import { startSession } from '../../server/src/sign_in/session.ts'
import type { Database } from '../../server/src/storage/database.ts'
import { createStorage } from '../../server/src/storage/storage.ts'
import { createDenials } from '../../server/src/tokens/denials.ts'
import { loadSigningKeys } from '../../server/src/tokens/signing_keys.ts'

export const ADMIN_TOKEN = 'an admin token of more than thirty-two characters'
export const ISSUER = 'https://as.example'

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
  settings: Partial<ServerContext['settings']> & { now?: () => number } = {},
): Promise<ManagementTest> {
  const context = await createContext(database, settings)
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

async function createContext(
  database: Database,
  { now = Date.now, ...settings }: Partial<ServerContext['settings']> & { now?: () => number },
): Promise<ServerContext> {
  const storage = createStorage(database)
  const wrapping = createKeyWrapping(['a server secret that has more than thirty-two bytes'])
  return {
    issuer: { url: ISSUER, origin: ISSUER, basePath: '', isLoopback: false },
    settings: {
      signingAlg: 'ES256',
      accessTokenTtl: 3600,
      refreshTokenTtl: 2_592_000,
      refreshTokenMaxTtl: 31_536_000,
      signUp: 'closed',
      pbkdf2Iterations: 1000,
      adminToken: ADMIN_TOKEN,
      ...settings,
    },
    storage,
    purposeKeys: await loadPurposeKeys(storage, wrapping, new Date(now())),
    signingKeys: await loadSigningKeys({ storage, wrapping, algs: ['ES256'], maxTokenTtl: 3600, now }),
    denials: createDenials(storage, now),
    clients: {
      find: () => Promise.reject(new Error('not used here')),
      keysOf: () => Promise.reject(new Error('not used here')),
    },
    audit: createAuditLog(storage, silentLog, now),
    mailer: undefined,
    inbox: undefined,
    log: silentLog,
    now,
  }
}
