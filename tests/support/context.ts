import { createClientDirectory } from '../../server/src/clients/directory.ts'
import type { FetchPublicUrl } from '../../server/src/clients/public_fetch.ts'
import type { ServerContext } from '../../server/src/context.ts'
import { createContext } from '../../server/src/create_context.ts'
import { createKeyWrapping } from '../../server/src/keys/key_wrapping.ts'
import { loadPurposeKeys } from '../../server/src/keys/purpose_keys.ts'
import type { Mail } from '../../server/src/mail.ts'
import type { ServerOptions } from '../../server/src/options.ts'
import type { Database } from '../../server/src/storage/database.ts'
import { createTestDatabase } from './postgres.ts'

/** A server's parts over a database of their own, with a clock that the test moves. */
export interface TestContext {
  context: ServerContext
  database: Database
  clock: { now: number; advance(milliseconds: number): void }
  /** What was mailed, oldest first. */
  mails: Mail[]
  /** Every log line, as text. */
  logLines: string[]
  /** For `afterAll`. */
  close(): Promise<void>
}

const SECRETS = ['a server secret that has more than thirty-two bytes']
export const ISSUER = 'https://as.example'

/** The options are those of a server on https with mail; passwords are stretched little, so that tests are quick. */
export async function createTestContext(
  overrides: Partial<ServerOptions> & { wrapDatabase?: (database: Database) => Database } = {},
): Promise<TestContext> {
  const test = await createTestDatabase()
  const { wrapDatabase = (database) => database, fetchPublicUrl = fetchNothing, ...options } = overrides
  const mails: Mail[] = []
  const logLines: string[] = []
  const keepLine = (fields: object, message: string) => {
    logLines.push(JSON.stringify({ ...fields, message }))
  }
  const clock = {
    now: Date.parse('2026-11-24T12:00:00Z'),
    advance(milliseconds: number) {
      clock.now += milliseconds
    },
  }
  const database = wrapDatabase(test.database)
  const context = await createContext({
    issuer: ISSUER,
    database,
    secrets: SECRETS,
    pbkdf2Iterations: 1000,
    mailer: {
      async send(mail) {
        mails.push(mail)
      },
    },
    fetchPublicUrl,
    log: { debug: keepLine, info: keepLine, warn: keepLine, error: keepLine },
    now: () => clock.now,
    ...options,
  })
  const purposeKeys = await keysWithoutAge(context, options.secrets ?? SECRETS)
  const clients = createClientDirectory({ ...context, purposeKeys, fetchPublicUrl })
  const parts = { ...context, purposeKeys, clients }
  return { context: parts, database, clock, mails, logLines, close: test.drop }
}

const fetchNothing: FetchPublicUrl = () => Promise.reject(new Error('Tests of people fetch nothing.'))

/** Tests let weeks pass at once, and no request comes through `fetch`, which would have the keys read again. */
function keysWithoutAge({ storage, log, waitUntil, now }: ServerContext, secrets: readonly string[]) {
  const startedAt = now()
  const wrapping = createKeyWrapping(secrets)
  return loadPurposeKeys({ storage, wrapping, log, waitUntil, now: () => startedAt })
}
