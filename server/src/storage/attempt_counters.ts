import { type Queryable, statement } from './database.ts'

/** How far a budget is used up. */
export interface AttemptCount {
  /** The attempts of this window, this one included; it stops counting one above the limit. */
  attempts: number
  window_ends_at: Date
}

export interface AttemptCounterStorage {
  /** Counts an attempt against a budget, beginning a new window where the last has ended. */
  countAttempt(budget: { key: Buffer; limit: number; window_ends_at: Date }, now: Date): Promise<AttemptCount>
  /** Gives an attempt back that turned out to be no guess. */
  forgiveAttempts(keys: readonly Buffer[]): Promise<void>
}

const COUNT = statement<AttemptCount>(
  'attempt_counters_count',
  `insert into auth_agent.attempt_counters as counter (key, attempts, window_ends_at) values ($1, 1, $3)
   on conflict (key) do update set
     attempts = case when counter.window_ends_at <= $4 then 1 else least(counter.attempts, $2) + 1 end,
     window_ends_at = case when counter.window_ends_at <= $4 then $3 else counter.window_ends_at end
   returning attempts, window_ends_at`,
)
const FORGIVE = statement(
  'attempt_counters_forgive',
  `update auth_agent.attempt_counters set attempts = attempts - 1
   where key in (select key from auth_agent.attempt_counters where key = any ($1) order by key for update)
     and attempts > 0`,
)

export function attemptCounterStorage(db: Queryable): AttemptCounterStorage {
  return {
    async countAttempt({ key, limit, window_ends_at }, now) {
      const [count] = await db.query(COUNT, [key, limit, window_ends_at, now])
      if (count === undefined) throw new Error('An upsert returned no row.')
      return count
    },
    async forgiveAttempts(keys) {
      await db.query(FORGIVE, [keys])
    },
  }
}
