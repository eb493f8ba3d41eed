import type { EndOfTurn } from '@auth-agent/server/end_of_turn'

/** Of the event loop of Node: after it has read what had come from all connections, whoever waits goes on. */
export function createEndOfTurn(): EndOfTurn {
  let turn: Promise<void> | undefined
  return () => {
    turn ??= new Promise((resolve) =>
      setImmediate(() => {
        turn = undefined
        resolve()
      }),
    )
    return turn
  }
}
