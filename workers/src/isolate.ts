import type { Server } from '@auth-agent/server'
import { SharedWork } from '@auth-agent/server/shared_work'
import type { Bindings } from './bindings.ts'
import { start } from './start.ts'

/** How long a request waits for the server of its isolate. In milliseconds. */
const MAX_START = 15_000

let server: Server | undefined
const starting = new SharedWork<Server>(MAX_START)

/**
 * The server of this isolate, made by the first request that needs it, for all. A start that failed is tried again by the
 * next one: a database comes back. Bindings change with a deployment only, which makes isolates of its own.
 */
export async function serverOf(bindings: Readonly<Bindings>): Promise<Server> {
  server ??= await starting.run(() => start(bindings))
  return server
}
