import { NoAnswerError } from './platform.ts'

/** How deep runtimes hide why a request failed. */
const DEPTH = 4

/**
 * Why a request came to nothing, for the operator, as the rest of a sentence. Of the error no more than its code is
 * shown: its text may hold the address, and so what was asked.
 */
export function describeFailure(error: unknown): string {
  if (error instanceof NoAnswerError) return `did not answer within ${error.seconds} s`
  const code = findCode(error)
  return code === undefined ? 'cannot be reached' : `cannot be reached (${code})`
}

/** `ECONNREFUSED`, `CERT_HAS_EXPIRED` and the like. */
function findCode(error: unknown): string | undefined {
  let inner = error
  for (let depth = 0; depth < DEPTH && inner instanceof Error; depth += 1) {
    if ('code' in inner && typeof inner.code === 'string' && /^[A-Za-z_]{3,50}$/.test(inner.code))
      return inner.code
    inner = inner.cause
  }
  return undefined
}
