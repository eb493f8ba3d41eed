import type { Worker } from 'node:cluster'

/** What node:cluster says when it hands a connection to a worker, and what the worker answers. */
interface HandOver {
  act?: string
  seq?: number
  ack?: number
}

/**
 * Closes what was on its way to a worker that has ended, such as by `kill -9`: node:cluster waits for the worker's
 * answer for ever, and the client with it; now the client knows at once. A worker that stops in good order answers.
 *
 * The messages are those of node:cluster itself, which promises nothing of them. Where they change, nothing is closed here,
 * and a test of `tests/cluster/under_load.slow.test.ts` fails.
 */
export function closeUnclaimedConnections(worker: Worker): void {
  const unclaimed = new Map<number, { close(): void }>()
  const { process: child } = worker
  let hasEnded = false
  const send = child.send.bind(child) as (...args: unknown[]) => boolean
  child.send = (...args: unknown[]) => {
    const [message, handle] = args as [HandOver, { close(): void } | undefined]
    if (message.act === 'newconn' && message.seq !== undefined && handle) {
      // Connections are handed over until the channel is closed, which comes later than the end.
      if (hasEnded) handle.close()
      else unclaimed.set(message.seq, handle)
    }
    return !hasEnded && send(...args)
  }
  child.on('internalMessage', ({ ack }: HandOver) => {
    if (ack !== undefined) unclaimed.delete(ack)
  })
  // Not its 'disconnect', which does not come while an answer is missing.
  child.once('exit', () => {
    hasEnded = true
    for (const handle of unclaimed.values()) handle.close()
    unclaimed.clear()
  })
}
