import type { ConnectionInfo } from '@auth-agent/server/options'
import { currentEvent } from '@auth-agent/server/request_scope'
import type { Database } from '@auth-agent/server/storage/database'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import type { Bindings, ExecutionContext } from './bindings.ts'

/** The platform opens six connections for a request at the most; one is left for fetches. */
const MAX_CONNECTIONS = 5

/**
 * What the Worker is woken for, a request or a cron trigger, with connections to the database of its own, since workerd lets no
 * other event use them. The server's scope of a request carries it along.
 */
export class WorkerEvent implements ConnectionInfo {
  readonly clientAddress: string | undefined
  readonly loopback = false
  /** Handed over as what it is, to be found again. */
  readonly event = this
  readonly #hyperdrive: Bindings['HYPERDRIVE']
  readonly #background: Promise<unknown>[] = []
  #database: Database | undefined

  constructor({ HYPERDRIVE }: Readonly<Bindings>, clientAddress: string | undefined) {
    this.#hyperdrive = HYPERDRIVE
    this.clientAddress = clientAddress
  }

  /** Nothing connects before the first statement: most requests for documents need none. */
  get database(): Database {
    // A connection lives for one event, so nothing that it prepared would be used twice.
    const options = { maxConnections: MAX_CONNECTIONS, prepare: false }
    this.#database ??= connectPostgres(this.#hyperdrive.connectionString, options)
    return this.#database
  }

  /**
   * Does the work of the event. It goes on when the client has gone away, since others may wait for what it began; the
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
  continueAfterAnswer(work: Promise<void>): void {
    this.#background.push(work)
  }

  async #closeAfter(work: unknown): Promise<void> {
    await Promise.allSettled([work])
    // Work in the background may begin more of it.
    while (this.#background.length > 0) await Promise.allSettled(this.#background.splice(0))
    await this.#database?.close()
  }
}

/** The event under way. */
export function currentWorkerEvent(): WorkerEvent {
  const event = currentEvent()
  if (!(event instanceof WorkerEvent)) throw new Error('The database was asked outside of every event.')
  return event
}

/** The database, through the connections of the event that asks it. */
export const eventDatabase: Database = {
  query: (statement, values) => currentWorkerEvent().database.query(statement, values),
  runScript: (sql) => currentWorkerEvent().database.runScript(sql),
  transaction: (work) => currentWorkerEvent().database.transaction(work),
  close: async () => {},
}
