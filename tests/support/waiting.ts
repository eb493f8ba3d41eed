import { setTimeout as sleep } from 'node:timers/promises'
import { type Queryable, statement } from '../../server/src/storage/database.ts'

const WAITING = statement<{ count: number }>(
  'test_waiting',
  `select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
)

/** Until one connection to this database waits for a lock. */
export async function untilOneWaits(db: Queryable): Promise<void> {
  while ((await db.query(WAITING))[0]?.count !== 1) await sleep(5)
}
