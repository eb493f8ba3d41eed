/**
 * Work that is done once for all who ask while it is under way. Each of them waits by a timer of its own, and work that
 * is late is given up for the next to begin anew: on Workers it belongs to the request that began it, and would never
 * end if that request were cut off.
 */
export class SharedWork<Result> {
  readonly #limitMs: number
  #running: Promise<Result> | undefined

  /** @param limitMs how long one waits at the most, in milliseconds */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** Joins what is under way, or begins it. Rejects where it does, and with a {@link LateError}. */
  async run(work: () => Promise<Result>): Promise<Result> {
    const running = this.#running ?? this.#begin(work)
    try {
      return await within(this.#limitMs, running)
    } finally {
      this.#forget(running)
    }
  }

  #begin(work: () => Promise<Result>): Promise<Result> {
    const running = work().finally(() => this.#forget(running))
    this.#running = running
    return running
  }

  #forget(running: Promise<Result>): void {
    if (this.#running === running) this.#running = undefined
  }
}

/** Work did not end in the time that somebody would wait for it. */
export class LateError extends Error {}

/** Rejects with a {@link LateError} where the work takes longer. In milliseconds. */
export function within<Result>(limitMs: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new LateError(`It took longer than ${limitMs} ms.`)), limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
