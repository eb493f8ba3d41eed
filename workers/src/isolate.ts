import type { Server } from '@auth-agent/server'
import { runInvocation } from '@auth-agent/server/request_scope'
import { SharedWork } from '@auth-agent/server/shared_work'
import type { Bindings } from './bindings.ts'
import type { WorkerInvocation } from './invocation.ts'
import { start } from './start.ts'

/** How long an invocation waits for the server of its isolate. In milliseconds. */
const MAX_START = 15_000

let server: Server | undefined
const starting = new SharedWork<Server>(MAX_START)

/**
 * The server of this isolate, made by the first invocation that needs it, for all. A start that failed is tried again by the
 * next one: a database comes back. Bindings change with a deployment only, which makes isolates of its own.
 */
export function serverOf(
  bindings: Readonly<Bindings>,
  invocation: WorkerInvocation,
): Server | Promise<Server> {
  return server ?? joinStart(bindings, invocation)
}

async function joinStart(bindings: Readonly<Bindings>, invocation: WorkerInvocation): Promise<Server> {
  server = await starting.run(() => {
    const started = runInvocation(invocation, () => start(bindings))
    // Others may still wait for it when this one has given it up.
    invocation.continueAfterAnswer(started)
    return started
  })
  return server
}
