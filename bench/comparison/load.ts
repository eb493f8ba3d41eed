import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../statistics.ts'
import { type HttpConnection, type HttpResponse, openConnection } from './http_connection.ts'
import { type Stalls, watchForStalls } from './stalls.ts'

/** Somebody who asks one thing after another, and checks each answer. */
export interface VirtualUser {
  /** The next request, whole, as it goes over the wire. */
  next(): string
  /**
   * Takes the answer. `finished` ends a piece of work, which is what is counted and timed; `under way` means that it takes another
   * request; a `wrong` answer ends it as well, and is counted as an error.
   */
  take(response: HttpResponse): 'finished' | 'under way' | 'wrong'
}

export interface LoadOptions {
  seconds: number
  /** Pieces of work a second, by all users together; without it each begins the next as soon as the last is finished. */
  rate?: number
}

/** What came of it. Times are in milliseconds. */
export interface LoadResult {
  seconds: number
  finished: number
  /** Wrong answers, and connections that broke. */
  errors: number
  /** The first of them. */
  firstError: string | undefined
  p50: number
  p99: number
  p999: number
  /** p99 / p50 in the median second: what happens every second, without what is rare. */
  steadyRatio: number
  /** Of what was finished, the share that was not timed, since this process was away when it was answered. */
  untimed: number
}

/** Has each user work on a connection of their own. What is under way at the end is finished, and not counted. */
export async function load(
  port: number,
  users: readonly VirtualUser[],
  { seconds, rate }: LoadOptions,
): Promise<LoadResult> {
  const connections = await Promise.all(users.map(() => openConnection(port)))
  const startedAt = performance.now()
  const run: Run = {
    endsAt: startedAt + seconds * 1000,
    finished: 0,
    times: [],
    stalls: watchForStalls(startedAt),
    errors: 0,
    firstError: undefined,
  }
  const naps = startNaps(run.stalls)
  const pause = rate === undefined ? 0 : (users.length / rate) * 1000
  await Promise.all(
    users.map((user, index) => {
      const connection = connections[index] as HttpConnection
      // One after the other, not all at once.
      const firstAt = startedAt + (index / users.length) * pause
      return workUntilEnd(run, user, connection, { firstAt, pause })
    }),
  )
  for (const connection of connections) connection.close()
  naps.stop()
  const [p50 = Number.NaN, p99 = Number.NaN, p999 = Number.NaN] = percentiles(run.times, [0.5, 0.99, 0.999])
  return {
    seconds,
    finished: run.finished,
    errors: run.errors,
    firstError: run.firstError,
    p50,
    p99,
    p999,
    steadyRatio: steadyRatioOf(run.times, seconds),
    untimed: 1 - run.times.length / run.finished,
  }
}

function percentiles(times: readonly number[], shares: readonly number[]): (number | undefined)[] {
  const sorted = Float64Array.from(times).sort()
  return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)])
}

/** Of fewer pieces nobody can tell the 99th percentile. */
const LEAST_PIECES = 200

/** @param times in the order in which they ended */
function steadyRatioOf(times: readonly number[], seconds: number): number {
  const size = Math.max(LEAST_PIECES, Math.round(times.length / seconds))
  const windows = Array.from({ length: Math.floor(times.length / size) }, (_, n) =>
    times.slice(n * size, (n + 1) * size),
  )
  return median(
    windows.map((window) => {
      const [p50 = Number.NaN, p99 = Number.NaN] = percentiles(window, [0.5, 0.99])
      return p99 / p50
    }),
  )
}

/** In milliseconds; the kernel adds as much again. A fast server answers three of 32 users in it. */
const NAP = 0.05

/**
 * Between the turns of its loop this process sleeps for a moment, instead of until the next answer. Else the server's own writes would wake
 * it, for up to 20 µs of the server's core each, and for the less the busier this process is: a slow server would pay twice what
 * a fast one does. From another machine, no answer costs whoever sends it anything of the kind.
 */
function startNaps(stalls: Stalls): { stop(): void } {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let isRunning = true
  const nap = () => {
    if (!isRunning) return
    stalls.notice(performance.now())
    stalls.turn()
    Atomics.wait(cell, 0, 0, NAP)
    stalls.notice(performance.now())
    setImmediate(nap)
  }
  nap()
  return {
    stop() {
      isRunning = false
    },
  }
}

interface Run {
  endsAt: number
  /** Pieces of work that were done. */
  finished: number
  /** How long each of them took; at a given rate without those that were read right after a stall: when they were answered nobody saw. */
  times: number[]
  stalls: Stalls
  errors: number
  firstError: string | undefined
}

interface Pace {
  firstAt: number
  /** Between the beginnings of two pieces of work; 0 for at once. */
  pause: number
}

async function workUntilEnd(
  run: Run,
  user: VirtualUser,
  connection: HttpConnection,
  pace: Pace,
): Promise<void> {
  const { stalls } = run
  let dueAt = pace.firstAt
  try {
    for (;;) {
      const early = dueAt + stalls.total - performance.now()
      if (early > 1) await sleep(early)
      const now = performance.now()
      stalls.notice(now)
      if (now >= run.endsAt) return
      // Who is late because the last answer was late has waited since the piece was due; a late timer is nobody's fault but ours.
      const begunAt = pace.pause > 0 && early < 0 ? dueAt + stalls.total : now
      const wrong = await work(user, connection, stalls)
      const finishedAt = performance.now()
      if (wrong !== undefined) {
        run.errors += 1
        run.firstError ??= `${wrong.status} ${wrong.body.slice(0, 300)}`
      } else if (finishedAt < run.endsAt) {
        run.finished += 1
        if (pace.pause === 0 || stalls.areOver) run.times.push(finishedAt - begunAt)
      }
      dueAt += pace.pause
    }
  } catch (error) {
    run.errors += 1
    run.firstError ??= (error as Error).message
  }
}

/** A piece of work; the answer that was wrong, if one was. */
async function work(
  user: VirtualUser,
  connection: HttpConnection,
  stalls: Stalls,
): Promise<HttpResponse | undefined> {
  for (;;) {
    const response = await connection.ask(user.next())
    stalls.notice(performance.now())
    const outcome = user.take(response)
    if (outcome === 'finished') return undefined
    if (outcome === 'wrong') return response
  }
}
