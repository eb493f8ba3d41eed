import { describeError, type Logger } from '@auth-agent/server/log'

/** As in pino, so that a filter written for Node works here; `silent` writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** JSON lines on the console, which Workers Logs and `wrangler tail` read. Stacks are for who looks for a fault: `debug`. */
export function createLog(least: LogLevel): Logger {
  const describe = (_key: string, value: unknown) =>
    value instanceof Error ? describeError(value, least === 'debug') : value
  const writer = (level: Exclude<LogLevel, 'silent'>) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return () => {}
    return (fields: object, message: string) => {
      const line = { level, service: 'auth-agent', time: new Date().toISOString(), ...fields, msg: message }
      console[level](JSON.stringify(line, describe))
    }
  }
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
}
