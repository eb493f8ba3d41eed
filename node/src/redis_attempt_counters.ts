import type { AttemptCounters } from '@auth-agent/server/attempt_counters'
import type { Logger } from '@auth-agent/server/log'
import { RedisConnection } from './redis_connection.ts'

const PREFIX = 'auth-agent:attempts:'

/** Attempts that are counted in a Redis or Valkey. */
export interface RedisAttemptCounters extends AttemptCounters {
  close(): void
}

/**
 * Connects to a Redis or Valkey. Each count is one script, so that it is atomic, and one round trip; time is that of its
 * server, the same for all nodes.
 *
 * @param url `redis://user:password@host:port/number`, or `rediss://…` with TLS
 */
export async function openRedisAttemptCounters(url: string, log: Logger): Promise<RedisAttemptCounters> {
  const connection = await RedisConnection.open(url, log)
  return {
    async count(budgets) {
      const keys = budgets.map(({ key }) => keyOf(key))
      const limits = budgets.flatMap(({ limit, windowMs }) => [String(limit), String(windowMs)])
      const waitMs = await connection.ask((client) => client.countAttempt(keys, limits))
      return waitMs < 0 ? undefined : waitMs
    },
    async forgive(keys) {
      await connection.ask((client) => client.forgiveAttempts(keys.map(keyOf)))
    },
    async check() {
      await connection.ask((client) => client.ping())
    },
    close: () => connection.close(),
  }
}

function keyOf(digest: Buffer): string {
  return PREFIX + digest.toString('base64url')
}
