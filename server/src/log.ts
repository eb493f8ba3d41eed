/** The part of a pino logger that the server uses: structured fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A logger that keeps silent. */
export const silentLog: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** How far causes are followed: they may lead back to where they began. */
const MAX_CAUSES = 5

/**
 * An error for the log: what it is, what it says, its code, and the same of what caused it. Nothing else that it
 * carries, since that may be a response with a token, or a row with an address; and its stack only where asked for.
 */
export function describeError(error: unknown, withStack: boolean, depth = 0): unknown {
  if (!(error instanceof Error))
    return error instanceof Object ? Object.prototype.toString.call(error) : error
  const { message, stack, cause } = error
  const describe = (other: unknown) =>
    depth < MAX_CAUSES ? describeError(other, withStack, depth + 1) : undefined
  return {
    type: error.constructor.name,
    message,
    ...('code' in error && isPrimitive(error.code) && { code: error.code }),
    ...(withStack && { stack }),
    // One error for each address of a host.
    ...(error instanceof AggregateError && { errors: error.errors.slice(0, MAX_CAUSES).map(describe) }),
    ...(cause !== undefined && { cause: describe(cause) }),
  }
}

function isPrimitive(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}
