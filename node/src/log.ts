import cluster from 'node:cluster'
import { describeError, type Logger } from '@auth-agent/server/log'
import { type DestinationStream, destination, pino } from 'pino'
import type { Settings } from './environment.ts'

/** What waits to be written, in bytes; while nobody reads, what goes beyond is lost. */
const MAX_WAITING = 4 << 20
/** POSIX's PIPE_BUF on Linux: writes up to it are atomic, so lines of several processes do not mix. */
const MAX_WRITE = 4096

/**
 * Whoever reads what we say may end before us (`| head -1`, a collector that dies), and a disk may be full: that is no
 * reason to end, least of all without a word and with the database left behind.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** JSON lines on stderr; stdout is for the person at the terminal. Stacks are for who looks for a fault: `debug`, `trace`. */
export function createLog(level: Settings['logLevel'], lines: DestinationStream = standardError()): Logger {
  const describe = (error: unknown) => describeError(error, level === 'debug' || level === 'trace')
  const log = pino(
    {
      level,
      base: { service: 'auth-agent', ...(cluster.worker && { worker: cluster.worker.id }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describe, error: describe },
    },
    lines,
  )
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  }
}

/** Lines are written behind the back of requests, and what is left at the end is written before the process goes. */
function standardError(): DestinationStream {
  const lines = destination({ dest: 2, sync: false, maxLength: MAX_WAITING, maxWrite: MAX_WRITE })
  lines.on('error', () => {})
  return lines
}
