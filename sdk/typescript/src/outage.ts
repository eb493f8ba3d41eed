import type { Platform } from './platform.ts'

/** Milliseconds between two failures that are told. */
const QUIET = 10_000

/**
 * Something that fails for a while. The operator is told when it begins to, when it fails in another way, and when it
 * works again; not at every request. At most one failure is told in 10 s, so that one that comes and goes fills no log.
 */
export class Outage {
  readonly #platform: Platform
  /** The failure that goes on, as it was told. */
  #told: string | undefined
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** It failed, in the way that the message tells: never with a secret. */
  fail(message: string): void {
    const now = this.#platform.elapsed()
    if (message === this.#told || now - this.#toldAt < QUIET) return
    this.#told = message
    this.#toldAt = now
    this.#platform.warn(message)
  }

  /** It worked. The message is told where a failure was. */
  end(message: string): void {
    if (this.#told === undefined) return
    this.#told = undefined
    this.#platform.warn(message)
  }
}
