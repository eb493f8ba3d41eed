import { fileURLToPath } from 'node:url'
import { createTestHarness, type TestHarness } from 'wrangler'
import { createTestDatabase } from '../support/postgres.ts'
import { ADMIN_TOKEN, createClock, ISSUER, manageBy, OWNER, type TestServer } from '../support/server.ts'
import { startTcpRelay, type TcpRelay } from './tcp_relay.ts'
import { LOCAL_DATABASE } from './workerd/settings.ts'

const CONFIG = fileURLToPath(new URL('../../workers/wrangler.jsonc', import.meta.url))
export const SECRET = 'a server secret for tests only of 32 bytes or more'

/** The Worker in workerd as wrangler.jsonc describes it, on a database of its own. Its `fetch` goes over HTTP. */
export interface TestWorker extends Omit<TestServer, 'server' | 'mails' | 'documents' | 'addNode'> {
  harness: TestHarness
  /** What leads to the database. */
  relay: TcpRelay
}

export async function startTestWorker(
  overrides: { vars?: Record<string, string>; secrets?: Record<string, string> } = {},
): Promise<TestWorker> {
  const database = await createTestDatabase()
  const relay = await startTcpRelay(database.url)
  process.env[LOCAL_DATABASE] = relay.url
  const harness = createTestHarness({
    workers: [
      {
        configPath: CONFIG,
        vars: { ISSUER_URL: ISSUER, LOG_LEVEL: 'info', ...overrides.vars },
        secrets: {
          AUTH_AGENT_SECRET: SECRET,
          AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN,
          AUTH_AGENT_OWNER_EMAIL: OWNER.email,
          AUTH_AGENT_OWNER_PASSWORD: OWNER.password,
          ...overrides.secrets,
        },
      },
    ],
  })
  await harness.listen()
  const fetch: TestServer['fetch'] = async (path, init) => {
    const response = await harness.fetch(new URL(path, ISSUER), { redirect: 'manual', ...init } as never)
    return response as unknown as Response
  }
  return {
    harness,
    relay,
    database,
    issuer: ISSUER,
    clock: createClock(),
    get logLines() {
      return harness.getLogs().map(({ message }) => String(message))
    },
    fetch,
    manage: manageBy(ISSUER, fetch),
    async close() {
      await harness.close()
      await relay.close()
      await database.drop()
    },
  }
}
