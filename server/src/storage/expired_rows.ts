import { type Queryable, statement } from './database.ts'

export interface ExpiredRowStorage {
  /** Deletes one batch of what has expired from each table that grows; returns how many rows were looked at. */
  cleanExpiredRows(now: Date, batch: number): Promise<number>
  /** Resolves if the database answers. */
  checkDatabase(): Promise<void>
}

/**
 * Each table that grows, what makes a row old, and for how long an old one is kept: a used code so that its replay is
 * known for what it is, an answered request since clocks differ, an ended grant so that its holder is told what happened
 * to it, a record for its reader.
 */
const EXPIRY: readonly { table: string; column: string; keep: string }[] = [
  { table: 'auth_requests', column: 'expires_at', keep: '1 hour' },
  { table: 'auth_codes', column: 'expires_at', keep: '1 day' },
  { table: 'denials', column: 'expires_at', keep: '0' },
  { table: 'signing_keys', column: 'expires_at', keep: '0' },
  { table: 'sessions', column: 'expires_at', keep: '0' },
  { table: 'email_codes', column: 'expires_at', keep: '0' },
  { table: 'one_time_links', column: 'expires_at', keep: '1 day' },
  { table: 'invitations', column: 'expires_at', keep: '30 days' },
  { table: 'attempt_counters', column: 'window_ends_at', keep: '0' },
  { table: 'used_once', column: 'expires_at', keep: '0' },
  { table: 'device_codes', column: 'expires_at', keep: '1 day' },
  { table: 'audit_events', column: 'occurred_at', keep: '400 days' },
]

// `ctid` finds the rows of a batch again without knowing each table's key; `for update skip locked` lets two nodes
// clean at once and holds up nobody who is using a row.
const CLEAN = EXPIRY.map(({ table, column, keep }) =>
  statement<{ count: string }>(
    `expired_rows_${table}`,
    `with expired as (
       select ctid from auth_agent.${table} where ${column} <= $1::timestamptz - interval '${keep}'
       order by ${column} limit $2 for update skip locked),
     deleted as (delete from auth_agent.${table} where ctid = any (array(select ctid from expired)) returning 1)
     select count(*) from deleted`,
  ),
)
// A grant that was refreshed since expires later than when it was due: it is due again at that time. So refreshing, which is
// done far more often, changes no index.
const CLEAN_TOKENS = statement<{ count: string }>(
  'expired_rows_tokens',
  `with due as (
     select ctid, expires_at from auth_agent.tokens where due_at <= $1::timestamptz - interval '7 days'
     order by due_at limit $2 for update skip locked),
   deleted as (
     delete from auth_agent.tokens
     where ctid = any (array(select ctid from due where expires_at <= $1::timestamptz - interval '7 days')) returning 1),
   postponed as (
     update auth_agent.tokens set due_at = expires_at
     where ctid = any (array(select ctid from due where expires_at > $1::timestamptz - interval '7 days')) returning 1)
   select (select count(*) from deleted) + (select count(*) from postponed) as count`,
)
const PING = statement('expired_rows_ping', 'select 1')

export function expiredRowStorage(db: Queryable): ExpiredRowStorage {
  return {
    async cleanExpiredRows(now, batch) {
      let count = 0
      for (const clean of [...CLEAN, CLEAN_TOKENS]) {
        const [row] = await db.query(clean, [now, batch])
        count += Number(row?.count ?? 0)
      }
      return count
    },
    async checkDatabase() {
      await db.query(PING)
    },
  }
}
