import type { Logger } from '@auth-agent/server/log'
import { destination, pino, stdSerializers } from 'pino'
import type { Settings } from './environment.ts'

/**
 * JSON lines on stderr; stdout is for the person at the terminal. Lines are written behind the back of requests,
 * and what is left at the end is written before the process goes.
 */
export function createLog(level: Settings['logLevel']): Logger {
  const log = pino(
    {
      level,
      base: { service: 'auth-agent' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err, error: stdSerializers.err },
    },
    destination({ dest: 2, sync: false }),
  )
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  }
}
