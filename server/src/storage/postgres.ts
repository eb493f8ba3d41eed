import pg from 'pg'
import { type Database, DatabaseUnavailable, type Queryable, type Statement } from './database.ts'

/** How to connect. */
export interface PostgresOptions {
  /** Connections held at the most. Default 10. */
  maxConnections?: number
  /** Whether statements are prepared by name. False for poolers in transaction mode. Default true. */
  prepare?: boolean
  /** How the connections call themselves in `pg_stat_activity`. Default `auth-agent`. */
  applicationName?: string
  /** How long a connection, and a statement of a request, may take, in milliseconds. Default 5000. */
  patienceMs?: number
}

/** A migration may wait for that of another process, and build an index. */
const SCRIPT_PATIENCE_MS = 120_000

/**
 * A PostgreSQL database behind a pool of connections. Nothing connects before the first statement.
 *
 * @param url `postgres://user:password@host/database`, or with `?host=/a/directory` for a unix socket
 */
export function connectPostgres(url: string, options: PostgresOptions = {}): Database {
  const { maxConnections = 10, prepare = true, applicationName = 'auth-agent', patienceMs = 5_000 } = options
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    application_name: applicationName,
    connectionTimeoutMillis: patienceMs,
    idleTimeoutMillis: 30_000,
    // A statement that hangs must not hold its request for longer than probes and proxies wait.
    query_timeout: patienceMs,
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  // Nor may one that breaks in a transaction, between its statements; the next of them, or the commit, fails.
  pool.on('connect', (client) => client.on('error', () => {}))

  return {
    ...queryable(pool, prepare),
    async transaction(work) {
      const client = await pool.connect().catch(refuseUnavailable)
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await work(queryable(client, prepare))
        await client.query('commit')
        return result
      } catch (thrown) {
        const error = describeFailure(thrown)
        // A connection that hangs would let the rollback hang as well; without it, the database rolls back.
        if (error instanceof DatabaseUnavailable) broken = error
        else
          await client.query('rollback').catch((rollbackError: Error) => {
            broken = rollbackError
          })
        throw error
      } finally {
        client.release(broken)
      }
    },
    close: () => pool.end(),
    connections: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

function queryable(connection: pg.Pool | pg.PoolClient, prepare: boolean): Queryable {
  return {
    async query<Row>(statement: Statement<Row>, values: readonly unknown[] = []) {
      const config = prepare ? { name: statement.name, text: statement.text } : { text: statement.text }
      const result = await connection.query({ ...config, values: [...values] }).catch(refuseUnavailable)
      return result.rows as Row[]
    },
    async runScript(sql) {
      const config = { text: sql, query_timeout: SCRIPT_PATIENCE_MS }
      await connection.query(config).catch(refuseUnavailable)
    },
  }
}

/** SQLSTATEs that say nothing about the statement: the classes of connection, resources, intervention and system, and a deadlock. */
const UNAVAILABLE = /^(08|53|57|58|40P01)/

function refuseUnavailable(error: unknown): never {
  throw describeFailure(error)
}

function describeFailure(error: unknown): unknown {
  if (error instanceof DatabaseUnavailable) return error
  const code = (error as { code?: unknown }).code
  // EPIPE of a socket looks like one.
  const isSqlState = error instanceof pg.DatabaseError && typeof code === 'string'
  // What has no SQLSTATE comes from the socket or the pool (refused, reset, timed out), or is an error of `work`.
  const isUnavailable = isSqlState ? UNAVAILABLE.test(code) : isConnectionError(error)
  return isUnavailable ? new DatabaseUnavailable({ cause: error }) : error
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('syscall' in error) return true
  // A certificate that is not believed, such as one that has expired: OpenSSL's names of faults, and Node's.
  if ('code' in error && /CERT|^UNABLE_TO_|^ERR_(SSL|TLS)_/.test(String(error.code))) return true
  return /timeout|terminated|not queryable|Connection|ending/i.test(error.message)
}
