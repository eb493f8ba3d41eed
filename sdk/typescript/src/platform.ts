/**
 * What the SDK takes from its surroundings. The public options have nothing of it: tests put their own in.
 */
export interface Platform {
  fetch(url: string, init: RequestInit): Promise<Response>
  /** The wall clock, in milliseconds since the epoch. */
  now(): number
  /** A clock that is never set, and goes on while the machine sleeps, in milliseconds. */
  elapsed(): number
  /** From 0 up to 1. */
  random(): number
  /** Whether a request of ours may be under way while no request is served. */
  hasBackground: boolean
  /** Whether what a request began goes on after its answer, so that others may wait for it. */
  outlivesRequests: boolean
  /** Tells the operator. Never a secret, nor a token. */
  warn(message: string): void
}

/** Cloudflare Workers end what a request began when it is answered, and keep requests apart from each other. */
export function detectPlatform(): Platform {
  const isWorkers = globalThis.navigator?.userAgent === 'Cloudflare-Workers'
  return {
    fetch: (url, init) => globalThis.fetch(url, init),
    now: () => Date.now(),
    elapsed: createStopwatch(
      () => performance.now(),
      () => Date.now(),
    ),
    random: () => Math.random(),
    hasBackground: !isWorkers,
    outlivesRequests: !isWorkers,
    warn: (message) => console.warn(`@auth-agent/mcp: ${message}`),
  }
}

/** A step of the calendar, against the uptime, that is no inaccuracy. In milliseconds. */
const NOTICEABLE = 1_000

/**
 * Milliseconds since some moment, with those for which the machine slept or was frozen; never goes back.
 *
 * The monotonic clock of most systems stands still meanwhile, and what was heard before would seem to be young. A
 * calendar that is set ahead looks the same: then everything is asked again, which does no harm.
 */
export function createStopwatch(uptime: () => number, calendar: () => number): () => number {
  let ahead = calendar() - uptime()
  let slept = 0
  return () => {
    const now = uptime()
    const gained = calendar() - now - ahead
    if (Math.abs(gained) > NOTICEABLE) {
      ahead += gained
      slept += Math.max(gained, 0)
    }
    return now + slept
  }
}

/** Nobody answered in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  /** How long was waited. */
  readonly seconds: number

  /** Milliseconds. */
  constructor(limit: number) {
    super(`There was no answer within ${limit / 1000} s.`)
    this.seconds = limit / 1000
  }
}

/**
 * Runs work that is to be given up after so many milliseconds, or at the signal, and rejects then, whether or not the
 * work heeds it.
 */
export function within<Result>(
  limit: number,
  work: (signal: AbortSignal) => Promise<Result>,
  outerSignal?: AbortSignal,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController()
    const giveUp = () => {
      reject(new NoAnswerError(limit))
      controller.abort()
    }
    const timer = setTimeout(giveUp, limit)
    outerSignal?.addEventListener('abort', giveUp, { once: true })
    const settle = () => {
      clearTimeout(timer)
      outerSignal?.removeEventListener('abort', giveUp)
    }
    if (outerSignal?.aborted === true) giveUp()
    work(controller.signal).then(resolve, reject).finally(settle)
  })
}

/** Waits for so many milliseconds, or until the signal; a process that has nothing else to do may end meanwhile. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    // Only Node has timers that are objects.
    if (typeof timer === 'object') timer.unref()
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
