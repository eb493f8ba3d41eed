/** When this process was not at work, since the machine or PostgreSQL had its core. */
export interface Stalls {
  /** How long that was so far, in milliseconds; what was due meanwhile is due later. */
  readonly total: number
  /** Whether an answer that is read now can be timed: neither this turn of the loop nor the one before had a stall that it may have waited for. */
  readonly areOver: boolean
  /** Is told the time at each answer, before each nap and after it: a stall that an answer waited for is noticed before the answer is timed. */
  notice(now: number): void
  /** Is told that a turn of the loop has ended. */
  turn(): void
}

/** Between two notices there is a nap, or the work for one answer; what takes longer is a stall. In milliseconds. */
const STALL = 2

/** @param startedAt when it was first at work; in milliseconds, as all that is noticed */
export function watchForStalls(startedAt: number): Stalls {
  let noticedAt = startedAt
  let total = 0
  let turns = 0
  let stalledInTurn = Number.NEGATIVE_INFINITY
  return {
    get total() {
      return total
    },
    get areOver() {
      return turns - stalledInTurn > 1
    },
    notice(now) {
      if (now - noticedAt > STALL) {
        total += now - noticedAt
        stalledInTurn = turns
      }
      noticedAt = now
    },
    turn() {
      turns += 1
    },
  }
}
