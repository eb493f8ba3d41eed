import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from '@auth-agent/server/storage/database'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import type { ExecutionContext } from './bindings.ts'

/** The platform opens six connections for a request at the most; one is left for fetches. */
const MAX_CONNECTIONS = 5

/** What belongs to one request: its connections, since workerd lets no other use them, and what goes on after it. */
interface RequestScope {
  database: Database | undefined
  connect: () => Database
  background: Promise<unknown>[]
}

const scopes = new AsyncLocalStorage<RequestScope>()

/**
 * Does the work of a request, a cron trigger or another event with connections of its own. The work goes on when the
 * client has gone away, since others may wait for what it began; the connections end when all of it has.
 */
export async function runInScope<Result>(
  { connectionString }: { connectionString: string },
  execution: ExecutionContext,
  work: () => Promise<Result>,
): Promise<Result> {
  const scope: RequestScope = {
    database: undefined,
    // A connection lives for one request, so nothing that it prepared would be used twice.
    connect: () => connectPostgres(connectionString, { maxConnections: MAX_CONNECTIONS, prepare: false }),
    background: [],
  }
  const done = scopes.run(scope, work)
  execution.waitUntil(closeAfter(scope, done))
  return done
}

/** Lets work go on that no answer waits for. */
export function continueInScope(work: Promise<void>): void {
  currentScope().background.push(work)
}

/** The database, through the connections of the request that asks it. */
export const scopedDatabase: Database = {
  query: (statement, values) => connectionsOf(currentScope()).query(statement, values),
  runScript: (sql) => connectionsOf(currentScope()).runScript(sql),
  transaction: (work) => connectionsOf(currentScope()).transaction(work),
  close: async () => {},
}

function currentScope(): RequestScope {
  const scope = scopes.getStore()
  if (scope === undefined) throw new Error('The database was asked outside of every request.')
  return scope
}

/** Nothing connects before the first statement: most requests for documents need none. */
function connectionsOf(scope: RequestScope): Database {
  scope.database ??= scope.connect()
  return scope.database
}

async function closeAfter(scope: RequestScope, done: Promise<unknown>): Promise<void> {
  await done.catch(() => undefined)
  // Work in the background may begin more of it.
  while (scope.background.length > 0) await Promise.allSettled(scope.background.splice(0))
  await scope.database?.close()
}
