import type { AttemptCounters } from '@auth-agent/server/attempt_counters'
import type { StatementWatch } from './observed_database.ts'

/** Counters outside of the database that are watched, by the names that their statements have in the database. */
export function observeAttemptCounters(counters: AttemptCounters, watch: StatementWatch): AttemptCounters {
  return {
    ...counters,
    count: (budgets) => untilSettled(watch('attempt_counters_count'), counters.count(budgets)),
    forgive: (keys) => untilSettled(watch('attempt_counters_forgive'), counters.forgive(keys)),
  }
}

async function untilSettled<Result>(
  end: (failure?: unknown) => void,
  result: Promise<Result>,
): Promise<Result> {
  try {
    const settled = await result
    end()
    return settled
  } catch (error) {
    end(error)
    throw error
  }
}
