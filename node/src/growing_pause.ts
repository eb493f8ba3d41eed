const FIRST_MS = 100
const LONGEST_MS = 30_000
/** Who got through this long without a failure begins anew. */
const CALM_MS = 60_000

/** How long to wait after a failure: twice as long after each, up to half a minute, until there is calm again. */
export class GrowingPause {
  readonly #now: () => number
  #next = FIRST_MS
  #failedAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds on a clock that is never set */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** After a failure: the pause, in milliseconds. */
  next(): number {
    const now = this.#now()
    if (now - this.#failedAt > CALM_MS + this.#next) this.#next = FIRST_MS
    this.#failedAt = now
    const pause = this.#next
    this.#next = Math.min(2 * pause, LONGEST_MS)
    return pause
  }
}
