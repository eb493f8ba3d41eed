import cluster from 'node:cluster'
import type { Logger } from '@auth-agent/server/log'
import type { Settings } from './environment.ts'
import { type CloseOptions, listen } from './listen.ts'
import { openServer } from './open_server.ts'

/** What a supervisor tells its worker. */
export type Order =
  | { do: 'serve'; inboxSecret: string | undefined }
  | ({ do: 'stop' } & CloseOptions)
  | { do: 'answer' }

/** What a worker tells its supervisor. */
export type Report =
  | { state: 'serving' }
  | { state: 'failed'; reason: string }
  | { state: 'asked to leave' }
  | { state: 'alive' }

/**
 * Serves on the port that the workers of one supervisor share, until it is told to stop. The supervisor has migrated
 * the database, made the owner, and maintains both. A worker that cannot start reports why, and ends.
 */
export async function work(settings: Settings, log: Logger, print: (text: string) => void): Promise<void> {
  answerQuestions()
  const stopping = waitForStop()
  const starting = new AbortController()
  void stopping.then(() => starting.abort())
  const { signal } = starting
  const { inboxSecret } = await waitForOrder('serve')
  try {
    const { server, close } = await openServer(
      { ...settings, owner: undefined },
      { log, print, inboxSecret, signal },
    )
    let since: number | undefined
    try {
      signal.throwIfAborted()
      const listener = await listen(server.fetch, settings)
      report({ state: 'serving' })
      const how = await stopping
      since = performance.now()
      await listener.close(how)
    } finally {
      await close(since)
    }
  } catch (error) {
    // Who was told to stop before it served does so in good order.
    if (error !== signal.reason) {
      log.debug({ err: error }, 'A worker cannot go on.')
      report({ state: 'failed', reason: (error as Error).message })
      process.exitCode = 1
    }
  }
  end()
}

/** The supervisor asks whether we are there; a process that hangs does not get to the answer. */
function answerQuestions(): void {
  process.on('message', (order: Order) => {
    if (order.do === 'answer') report({ state: 'alive' })
  })
}

/**
 * Waits for the order to stop, or for the loss of the supervisor. Signals are the supervisor's: a terminal sends
 * them to all processes at once. Who sends SIGTERM to one worker alone wants that one replaced.
 */
function waitForStop(): Promise<CloseOptions> {
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => {})
  process.on('SIGTERM', () => report({ state: 'asked to leave' }))
  const lost = new Promise<CloseOptions>((resolve) => {
    cluster.worker?.once('disconnect', () => {
      // By default the process would end here, and what is under way with it.
      if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
      resolve({ isReplaced: true })
    })
  })
  return Promise.race([waitForOrder('stop'), lost])
}

function waitForOrder<Name extends Order['do']>(name: Name): Promise<Extract<Order, { do: Name }>> {
  return new Promise((resolve) => {
    process.on('message', (order: Order) => {
      if (order.do === name) resolve(order as Extract<Order, { do: Name }>)
    })
  })
}

function report(state: Report): void {
  if (process.connected) process.send?.(state)
}

/**
 * Ends when the supervisor has confirmed that it hands over no more connections: one that was on its way to us goes
 * back to it, and to another worker.
 */
function end(): void {
  if (!process.connected) process.exit()
  process.once('disconnect', () => process.exit())
  cluster.worker?.disconnect()
}
