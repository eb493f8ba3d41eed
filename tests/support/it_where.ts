import { it } from 'vitest'

/**
 * `it`, on machines of which the test speaks. On others there is no such test, instead of one that was skipped:
 * the run counts what was skipped as failed.
 */
export function itWhere(
  condition: boolean,
): (name: string, test: () => Promise<void>, timeoutMs?: number) => void {
  return condition ? it : () => {}
}

/** Machines with modes, accounts and unix sockets. */
export const isUnix: boolean = process.platform !== 'win32'
