import cluster from 'node:cluster'
import type { Logger } from '@auth-agent/server/log'
import pg from 'pg'
import { isLoopbackHost } from './environment_values.ts'

/**
 * Says once at the start that DATABASE_URL leads over a network in plaintext, which nobody would notice otherwise: `pg` speaks
 * TLS only when it is told to, where libpq tries it unasked. `sslmode=disable` says that it is meant so, and nothing is said.
 */
export function warnOfPlaintext(url: string, log: Logger): void {
  // Workers have the URL of their supervisor.
  if (cluster.isWorker || !isPlaintext(url) || new URL(url).searchParams.get('sslmode') === 'disable') return
  log.warn(
    {},
    'DATABASE_URL leads to another machine without TLS, so whoever is between can read and change everything: add ?sslmode=verify-full to it, or ?sslmode=disable where that network is trusted (docs/configuration.md).',
  )
}

/** Whether others could listen: neither TLS, nor a socket or a loopback address. What `pg` makes of the URL is what counts. */
export function isPlaintext(url: string): boolean {
  const { host, ssl } = new pg.Client({ connectionString: url })
  return !ssl && !host.startsWith('/') && !isLoopbackHost(host)
}
