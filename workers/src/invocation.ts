import { currentInvocation } from '@auth-agent/server/request_scope'
import type { Database } from '@auth-agent/server/storage/database'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import type { Bindings, ExecutionContext } from './bindings.ts'

/** The platform opens six connections for a request at the most; one is left for fetches. */
const MAX_CONNECTIONS = 5

/**
 * A request, or a cron trigger, for which the Worker was invoked, with connections to the database of its own, since workerd lets
 * no other use them. The server's scope carries it along.
 */
export class WorkerInvocation {
  readonly #hyperdrive: Bindings['HYPERDRIVE']
  readonly #background: Promise<unknown>[] = []
  #database: Database | undefined

  constructor({ HYPERDRIVE }: Readonly<Bindings>) {
    this.#hyperdrive = HYPERDRIVE
  }

  /** Nothing connects before the first statement: most requests for documents need none. */
  get database(): Database {
    // A connection lives for one invocation, so nothing that it prepared would be used twice.
    const options = { maxConnections: MAX_CONNECTIONS, prepare: false }
    this.#database ??= connectPostgres(this.#hyperdrive.connectionString, options)
    return this.#database
  }

  /**
   * Does its work. That goes on when the client has gone away, since others may wait for what it began; the
   * connections end when all of it has. What is done at once leaves nothing to wait for.
   */
  run<Result>(execution: ExecutionContext, work: () => Result | Promise<Result>): Result | Promise<Result> {
    const result = work()
    const isOver =
      !(result instanceof Promise) && this.#database === undefined && this.#background.length === 0
    if (!isOver) execution.waitUntil(this.#closeAfter(result))
    return result
  }

  /** Keeps the connections open for work that no answer waits for. */
  continueAfterAnswer(work: Promise<unknown>): void {
    this.#background.push(work)
  }

  async #closeAfter(work: unknown): Promise<void> {
    await Promise.allSettled([work])
    // Work in the background may begin more of it.
    while (this.#background.length > 0) await Promise.allSettled(this.#background.splice(0))
    await this.#database?.close()
  }
}

/** The invocation under way. */
export function currentWorkerInvocation(): WorkerInvocation {
  const invocation = currentInvocation()
  if (!(invocation instanceof WorkerInvocation))
    throw new Error('The database was asked outside of every invocation.')
  return invocation
}

/** The database, through the connections of the invocation that asks it. */
export const invocationDatabase: Database = {
  query: (statement, values) => currentWorkerInvocation().database.query(statement, values),
  runScript: (sql) => currentWorkerInvocation().database.runScript(sql),
  transaction: (work) => currentWorkerInvocation().database.transaction(work),
  close: async () => {},
}
