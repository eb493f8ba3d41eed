/** The part of a pino logger that the server uses: structured fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A logger that keeps silent. */
export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} }
