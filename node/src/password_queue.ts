import { availableParallelism } from 'node:os'
import type { Queue } from '@auth-agent/server/queue'
import pLimit from 'p-limit'

/** What libuv has where `UV_THREADPOOL_SIZE` does not say otherwise. */
const DEFAULT_THREADS = 4

/**
 * Stretches as many passwords at once as there are cores, and always one fewer than Node has threads: on those threads a new connection
 * to PostgreSQL proves who it is (SCRAM) and names of hosts are looked up, too, and would wait behind each password of a burst
 * until they are given up.
 *
 * @param threads that Node has for such work, of its own
 */
export function createPasswordQueue(
  threads = Number(process.env['UV_THREADPOOL_SIZE']) || DEFAULT_THREADS,
): Queue {
  return pLimit(Math.max(1, Math.min(threads - 1, availableParallelism())))
}
