import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from '@auth-agent/server/storage/database'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import type { ExecutionContext } from './bindings.ts'

/** The platform opens six connections for a request at the most; one is left for fetches. */
const MAX_CONNECTIONS = 5

/** The connections of one request, since workerd lets no other use them, and what goes on with them after its answer. */
interface RequestConnections {
  database: Database | undefined
  connect: () => Database
  background: Promise<unknown>[]
}

const connectionsOfRequests = new AsyncLocalStorage<RequestConnections>()

/**
 * Does the work of a request, a cron trigger or another event with connections of its own. The work goes on when the
 * client has gone away, since others may wait for what it began; the connections end when all of it has.
 */
export async function runWithConnections<Result>(
  { connectionString }: { connectionString: string },
  execution: ExecutionContext,
  work: () => Promise<Result>,
): Promise<Result> {
  const connections: RequestConnections = {
    database: undefined,
    // A connection lives for one request, so nothing that it prepared would be used twice.
    connect: () => connectPostgres(connectionString, { maxConnections: MAX_CONNECTIONS, prepare: false }),
    background: [],
  }
  const done = connectionsOfRequests.run(connections, work)
  execution.waitUntil(closeAfter(connections, done))
  return done
}

/** Keeps the connections of the request under way open for work that no answer waits for. */
export function continueAfterAnswer(work: Promise<void>): void {
  currentConnections().background.push(work)
}

/** The database, through the connections of the request that asks it. */
export const requestDatabase: Database = {
  query: (statement, values) => currentDatabase().query(statement, values),
  runScript: (sql) => currentDatabase().runScript(sql),
  transaction: (work) => currentDatabase().transaction(work),
  close: async () => {},
}

function currentConnections(): RequestConnections {
  const connections = connectionsOfRequests.getStore()
  if (connections === undefined) throw new Error('The database was asked outside of every request.')
  return connections
}

/** Nothing connects before the first statement: most requests for documents need none. */
function currentDatabase(): Database {
  const connections = currentConnections()
  connections.database ??= connections.connect()
  return connections.database
}

async function closeAfter(connections: RequestConnections, done: Promise<unknown>): Promise<void> {
  await done.catch(() => undefined)
  // Work in the background may begin more of it.
  while (connections.background.length > 0) await Promise.allSettled(connections.background.splice(0))
  await connections.database?.close()
}
