import type { AttemptCounters } from '../attempt_counters.ts'
import { type Queryable, statement } from './database.ts'

// Looking first keeps a refusal from writing. The rows are taken in the order of their keys, so that no two of these
// statements wait for each other.
const COUNT = statement<{ until: Date | null; is_counted: boolean }>(
  'attempt_counters_count',
  `with budget as (
     select * from unnest($1::bytea[], $2::integer[], $3::timestamptz[]) as budget (key, most, ends_at)),
   refused as (
     select max(window_ends_at) as until from auth_agent.attempt_counters join budget using (key)
     where attempts >= most and window_ends_at > $4),
   counted as (
     insert into auth_agent.attempt_counters as counter (key, attempts, window_ends_at)
     select key, 1, ends_at from budget where (select until from refused) is null order by key
     on conflict (key) do update set
       attempts = case when counter.window_ends_at <= $4 then 1 else counter.attempts + 1 end,
       window_ends_at = case when counter.window_ends_at <= $4 then excluded.window_ends_at else counter.window_ends_at end
     returning key, attempts, window_ends_at)
   select coalesce((select until from refused), max(window_ends_at) filter (where attempts > most)) as until,
     count(*) > 0 as is_counted
   from counted join budget using (key)`,
)
const FORGIVE = statement(
  'attempt_counters_forgive',
  `with held as (
     select key, attempts from auth_agent.attempt_counters where key = any ($1) order by key for update),
   emptied as (
     delete from auth_agent.attempt_counters c using held where c.key = held.key and held.attempts <= 1)
   update auth_agent.attempt_counters c set attempts = held.attempts - 1
   from held where c.key = held.key and held.attempts > 1`,
)

/** Counts in the database. A counter that has nothing left to count goes at once, the others when their window has ended. */
export function attemptCountersIn(db: Queryable, now: () => number): AttemptCounters {
  const forgive = async (keys: readonly Buffer[]) => {
    await db.query(FORGIVE, [keys])
  }
  return {
    forgive,
    async count(budgets) {
      const time = now()
      const keys = budgets.map(({ key }) => key)
      const limits = budgets.map(({ limit }) => limit)
      const ends = budgets.map(({ windowMs }) => new Date(time + windowMs))
      const [row] = await db.query(COUNT, [keys, limits, ends, new Date(time)])
      if (row === undefined) throw new Error('An aggregate returned no row.')
      if (row.until === null) return undefined
      // Others used the budget up between the look and the count.
      if (row.is_counted) await forgive(keys)
      return row.until.getTime() - time
    },
  }
}
