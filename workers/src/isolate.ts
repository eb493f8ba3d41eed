import type { Server } from '@auth-agent/server'
import { runRequest } from '@auth-agent/server/request_scope'
import { SharedWork } from '@auth-agent/server/shared_work'
import type { Bindings } from './bindings.ts'
import type { WorkerEvent } from './event.ts'
import { start } from './start.ts'

/** How long an event waits for the server of its isolate. In milliseconds. */
const MAX_START = 15_000

let server: Server | undefined
const starting = new SharedWork<Server>(MAX_START)

/**
 * The server of this isolate, made by the first event that needs it, for all. A start that failed is tried again by the
 * next one: a database comes back. Bindings change with a deployment only, which makes isolates of its own.
 */
export function serverOf(bindings: Readonly<Bindings>, event: WorkerEvent): Server | Promise<Server> {
  return server ?? startWith(bindings, event)
}

async function startWith(bindings: Readonly<Bindings>, event: WorkerEvent): Promise<Server> {
  server = await runRequest(event, () => starting.run(() => start(bindings)))
  return server
}
