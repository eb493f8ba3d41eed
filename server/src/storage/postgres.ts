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
  })
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  // Nor may one that breaks in a transaction, between its statements; the next of them, or the commit, fails.
  pool.on('connect', (client) => client.on('error', () => {}))

  const askAnyone: Ask = async (config, withinMs = patienceMs) => {
    const client = await pool.connect()
    try {
      const result = await askWithin(withinMs, client, config)
      client.release()
      return result
    } catch (error) {
      // Where it only refused the statement as well: what it had prepared may be out of date (SQLSTATE 0A000).
      client.release(error as Error)
      throw error
    }
  }

  return {
    ...queryable(askAnyone, prepare),
    async transaction(work) {
      const client = await pool.connect().catch(refuseUnavailable)
      const ask: Ask = (config, withinMs = patienceMs) => askWithin(withinMs, client, config)
      let broken: Error | undefined
      try {
        await ask({ text: 'begin' })
        const result = await work(queryable(ask, prepare))
        await ask({ text: 'commit' })
        return result
      } catch (thrown) {
        const error = describeFailure(thrown)
        // A connection that hangs would let the rollback hang as well; without it, the database rolls back.
        if (error instanceof DatabaseUnavailable) broken = error
        else
          await ask({ text: 'rollback' }).catch((rollbackError: Error) => {
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

/** Asks a connection, for so long at the most, in milliseconds. */
type Ask = (config: pg.QueryConfig, withinMs?: number) => Promise<pg.QueryResult>

/**
 * A statement that hangs must not hold its request for longer than probes and proxies wait; whoever lets the connection go
 * cuts it off. pg's own `query_timeout` is none for us: it keeps the rows of every statement until V8 collects all garbage
 * (docs/decisions/0025).
 */
function askWithin(limitMs: number, client: pg.PoolClient, config: pg.QueryConfig): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      const cause = new Error(`It did not answer within ${limitMs} ms.`)
      reject(new DatabaseUnavailable({ cause }))
    }
    const timer = setTimeout(giveUp, limitMs)
    client.query(config, (error: Error | undefined, result: pg.QueryResult) => {
      clearTimeout(timer)
      if (error) reject(error)
      else resolve(result)
    })
  })
}

function queryable(ask: Ask, prepare: boolean): Queryable {
  return {
    async query<Row>(statement: Statement<Row>, values: readonly unknown[] = []) {
      const config = prepare ? { name: statement.name, text: statement.text } : { text: statement.text }
      try {
        return (await ask({ ...config, values: [...values] })).rows as Row[]
      } catch (error) {
        throw failureHere(error)
      }
    },
    async runScript(sql) {
      try {
        await ask({ text: sql }, SCRIPT_PATIENCE_MS)
      } catch (error) {
        throw failureHere(error)
      }
    },
  }
}

/** With the stack of whoever asked, which the log shows: pg's leads to the socket that the answer came from. */
function failureHere(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error, failureHere)
  return describeFailure(error)
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
  return /timeout|terminated|not queryable|Connection|ending|calling end/i.test(error.message)
}
