import { PublicFetchError } from '../../server/src/clients/public_fetch.ts'
import type { Logger } from '../../server/src/log.ts'
import type { Mail } from '../../server/src/mail.ts'
import type { ConnectionInfo, ServerOptions } from '../../server/src/options.ts'
import { createServer, type Server } from '../../server/src/server.ts'
import { createTestDatabase, type TestDatabase } from './postgres.ts'

export const ISSUER = 'http://localhost:8787'
export const ADMIN_TOKEN = 'an-admin-token-for-tests-only-0123456789'
export const OWNER = { email: 'owner@example.com', password: 'correct horse battery staple' }
const LOOPBACK: ConnectionInfo = { clientAddress: '127.0.0.1', loopback: true }

/** A server in this process, on a database of its own, with a clock that the test moves. */
export interface TestServer {
  server: Server
  database: TestDatabase
  clock: Clock
  /** Mail that would have left, oldest first. */
  mails: Mail[]
  /** Every line that it logged, as text. */
  logLines: string[]
  /** What strangers' URLs answer, by URL; others are unreachable. */
  documents: Map<string, object>
  issuer: string
  fetch(path: string, init?: RequestInit, info?: Partial<ConnectionInfo>): Promise<Response>
  /** Calls the management API as its owner and returns the JSON body. */
  manage<Body = Record<string, unknown>>(method: string, path: string, body?: object): Promise<Body>
  /** Another node on the same database. */
  addNode(overrides?: Partial<ServerOptions>): Promise<TestServer>
  close(): Promise<void>
}

export interface Clock {
  now: number
  /** In seconds. */
  advance(seconds: number): void
}

export function createClock(): Clock {
  return {
    now: Date.UTC(2026, 10, 24, 12),
    advance(seconds) {
      this.now += seconds * 1000
    },
  }
}

export async function createTestServer(
  overrides: Partial<ServerOptions> = {},
  shared: { database?: TestDatabase; clock?: Clock } = {},
): Promise<TestServer> {
  const database = shared.database ?? (await createTestDatabase())
  const clock = shared.clock ?? createClock()
  const mails: Mail[] = []
  const logLines: string[] = []
  const documents = new Map<string, object>()
  const options: ServerOptions = {
    issuer: ISSUER,
    database: database.database,
    secrets: ['a server secret for tests only, of 32 bytes or more'],
    pbkdf2Iterations: 1_000,
    adminToken: ADMIN_TOKEN,
    owner: OWNER,
    mailer: { send: async (mail) => void mails.push(mail) },
    fetchPublicUrl: async (url) => serveDocument(documents, url),
    log: recordingLog(logLines),
    now: () => clock.now,
    ...overrides,
  }
  const server = await createServer(options)
  const fetch: TestServer['fetch'] = async (path, init, info) =>
    server.fetch(new Request(new URL(path, options.issuer), { redirect: 'manual', ...init }), {
      ...LOOPBACK,
      ...info,
    })
  return {
    server,
    database,
    clock,
    mails,
    logLines,
    documents,
    issuer: options.issuer,
    fetch,
    manage: manageBy(options.issuer, fetch),
    addNode: (more) => createTestServer({ ...overrides, ...more }, { database, clock }),
    close: () => database.drop(),
  }
}

/** Calls the management API with the admin token, wherever the server runs. */
export function manageBy(issuer: string, fetch: TestServer['fetch']): TestServer['manage'] {
  const basePath = new URL(issuer).pathname.replace(/\/$/, '')
  return async (method, path, body) => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' }
    const init = { method, headers, body: body ? JSON.stringify(body) : null }
    const response = await fetch(`${basePath}/api${path}`, init)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

export function serveDocument(documents: Map<string, object>, url: URL) {
  const document = documents.get(url.href)
  if (document === undefined) throw new PublicFetchError('unreachable', `${url.host} cannot be reached.`)
  return { body: Buffer.from(JSON.stringify(document)), contentType: 'application/json', cacheControl: '' }
}

function recordingLog(lines: string[]): Logger {
  const record = (fields: object, message: string) => void lines.push(`${message} ${describe(fields)}`)
  return { debug: record, info: record, warn: record, error: record }
}

/** Errors too, with their causes, as a real logger would write them. */
function describe(fields: object): string {
  return JSON.stringify(fields, (_key, value: unknown) => {
    if (!(value instanceof Error)) return value
    const { message, stack, cause } = value
    return { ...value, message, stack, cause }
  })
}
