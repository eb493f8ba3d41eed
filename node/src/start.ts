import type { Logger } from '@auth-agent/server/log'
import type { Settings } from './environment.ts'
import { greet } from './greeting.ts'
import { listen } from './listen.ts'
import { openServer } from './open_server.ts'
import { repeat } from './repeat.ts'
import { BACKGROUND_MS, leftOf } from './stop_times.ts'
import { startWorkers, type Workers } from './workers.ts'

const MAINTENANCE_INTERVAL_MS = 60_000

/** What runs until it is stopped. */
export interface Running {
  stop(): Promise<void>
  /** Replaces the processes that serve, one by one; undefined where there is only this one. */
  replaceWorkers: (() => Promise<void>) | undefined
}

/**
 * Starts everything, tells the person at the terminal, and returns what stops it. Whatever was started before a
 * failure is stopped again. With several workers this process serves nobody: it migrates, maintains and greets, once.
 *
 * @param signal gives the start up: it rejects with the signal's reason
 */
export async function start(
  settings: Settings,
  log: Logger,
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<Running> {
  const stops: ((since: number) => Promise<void>)[] = []
  const stop = async () => {
    const since = performance.now()
    for (const each of stops.splice(0).toReversed()) await each(since)
  }
  try {
    const { server, inboxSecret, close } = await openServer(settings, { log, print, signal })
    stops.push(close)
    signal.throwIfAborted()
    const stopMaintenance = repeat(() => server.maintain(), MAINTENANCE_INTERVAL_MS, log)
    stops.push((since) => stopMaintenance(leftOf(BACKGROUND_MS, since)))
    let workers: Workers | undefined
    if (settings.workers > 1) {
      workers = await startWorkers({ count: settings.workers, inboxSecret, log, signal })
      stops.push(workers.stop)
    } else {
      const listener = await listen(server.fetch, settings)
      stops.push(() => listener.close())
    }

    signal.throwIfAborted()
    if (settings.allowLoopbackFetch) log.warn({}, 'ALLOW_LOOPBACK_FETCH is on; it is for development only.')
    const { issuer, host, port } = settings
    log.info({ issuer, host, port, workers: settings.workers }, 'The server is running.')
    print(greet(settings, await server.setupLink(), inboxSecret))
    return { stop, replaceWorkers: workers?.replace }
  } catch (error) {
    await stop()
    throw error
  }
}
