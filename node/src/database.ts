import type { Logger } from '@auth-agent/server/log'
import { LateError, within } from '@auth-agent/server/shared_work'
import { type Database, DatabaseUnavailable } from '@auth-agent/server/storage/database'
import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { warnOfPlaintext } from './database_tls.ts'
import { joinEmbeddedDatabase } from './embedded_database.ts'
import type { Settings } from './environment.ts'
import { readMigrations } from './migrations.ts'
import { FAREWELL_MS } from './stop_times.ts'
import { untilAborted } from './until_aborted.ts'

/** A migrated database. */
export interface OpenDatabase {
  database: Database
  /** Migrations that were applied now. */
  migrated: readonly string[]
  /** Ends the connections, and the embedded database with the last process that uses it. */
  close(): Promise<void>
}

/**
 * Opens the database that the settings name, or the embedded one, and migrates it.
 *
 * @param maxConnections held at the most
 * @param signal gives it up, also while another process migrates; it rejects with the signal's reason
 */
export function openDatabase(
  { databaseUrl, dataDir }: Pick<Settings, 'databaseUrl' | 'dataDir'>,
  log: Logger,
  maxConnections: number,
  signal?: AbortSignal,
): Promise<OpenDatabase> {
  return databaseUrl === undefined
    ? openEmbedded(dataDir, log, maxConnections, signal)
    : openExternal(databaseUrl, log, maxConnections, signal)
}

async function openEmbedded(
  dataDir: string,
  log: Logger,
  maxConnections: number,
  signal: AbortSignal | undefined,
): Promise<OpenDatabase> {
  const embedded = await joinEmbeddedDatabase({ dataDir, migrations: await readMigrations(), log, signal })
  const database = connectPostgres(embedded.url, { maxConnections })
  const close = async () => {
    await disconnect(database)
    await embedded.leave()
  }
  return { database, migrated: embedded.migrated, close }
}

async function openExternal(
  url: string,
  log: Logger,
  maxConnections: number,
  signal: AbortSignal | undefined,
): Promise<OpenDatabase> {
  const database = connectPostgres(url, { prepare: !isTransactionPooler(url), maxConnections })
  try {
    warnOfPlaintext(url, log)
    const migrated = await untilAborted(migrate(database, await readMigrations()), signal)
    return { database, migrated, close: () => disconnect(database) }
  } catch (error) {
    await disconnect(database)
    signal?.throwIfAborted()
    throw new Error(faultOf(error), { cause: error })
  }
}

/** Ends the connections. One whose statement takes long, such as of a request that was cut off, ends with the process. */
async function disconnect(database: Database): Promise<void> {
  await within(FAREWELL_MS, database.close()).catch((error: unknown) => {
    if (!(error instanceof LateError)) throw error
  })
}

/** Such a pooler hands each transaction to another connection, which knows no statement that was prepared before. */
export function isTransactionPooler(url: string): boolean {
  const { port, searchParams } = new URL(url)
  return port === '6543' || searchParams.get('pgbouncer') === 'true'
}

/** SQLSTATE 42501. */
const INSUFFICIENT_PRIVILEGE = '42501'

function faultOf(error: unknown): string {
  const cause = error instanceof DatabaseUnavailable ? error.cause : error
  if (isTlsFault(cause))
    return `DATABASE_URL names a database that cannot be trusted (${cause.message}): check its host, and that sslrootcert is a file with the certificate of the authority that signed the database's.`
  if (error instanceof DatabaseUnavailable)
    return `DATABASE_URL names a database that cannot be reached (${error.reason}): check that it runs, and its host and port.`
  const { message, code } = error as { message: string; code?: unknown }
  if (code === INSUFFICIENT_PRIVILEGE)
    return `DATABASE_URL names a database that is not migrated, and its user may not do so (${message}): run \`node dist/node/main.js migrate\` with the URL of a user who owns the database and may create roles.`
  return `DATABASE_URL names a database that cannot be used (${message}): check its name, user and password, and that the user may migrate it.`
}

/** A certificate that is not believed, by OpenSSL's and Node's names of faults, or one of the URL's that is no readable file. */
function isTlsFault(error: unknown): error is Error {
  const { code, syscall } = error as NodeJS.ErrnoException
  return syscall === 'open' || /CERT|^UNABLE_TO_|^ERR_(SSL|TLS)_/.test(code ?? '')
}
