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
}

/**
 * A PostgreSQL database behind a pool of connections. Nothing connects before the first statement.
 *
 * @param url `postgres://user:password@host/database`, or with `?host=/a/directory` for a unix socket
 */
export function connectPostgres(url: string, options: PostgresOptions = {}): Database {
  const { maxConnections = 10, prepare = true, applicationName = 'auth-agent' } = options
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    // A statement that hangs must not hold its request for ever.
    query_timeout: 15_000,
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})

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
      } catch (error) {
        await client.query('rollback').catch((rollbackError: Error) => {
          broken = rollbackError
        })
        return refuseUnavailable(error)
      } finally {
        client.release(broken)
      }
    },
    close: () => pool.end(),
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
      await connection.query(sql).catch(refuseUnavailable)
    },
  }
}

/** Classes of SQLSTATE that say nothing about the statement: connection, resources, intervention, system. */
const UNAVAILABLE = /^(08|53|57|58)/

function refuseUnavailable(error: unknown): never {
  const code = (error as { code?: unknown }).code
  const isSqlState = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
  if (error instanceof DatabaseUnavailable || (isSqlState && !UNAVAILABLE.test(code))) throw error
  // What has no SQLSTATE comes from the socket or the pool (refused, reset, timed out), or is an error of `work`.
  if (isSqlState || isConnectionError(error)) throw new DatabaseUnavailable({ cause: error })
  throw error
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('syscall' in error) return true
  return /timeout|terminated|not queryable|Connection|ending/i.test(error.message)
}
