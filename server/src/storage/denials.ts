import { type Queryable, type ReadonlyRow, statement } from './database.ts'
import type { DenialsRow } from './rows.ts'

/**
 * Access that ended before its tokens expire. The subject is a `jti`, a `grant_id`, a user's id, a `client_id`, a server's
 * URL, or the id of an API key; of the last four, what was issued at or before the cutoff is denied.
 */
export interface DenialRow
  extends Omit<ReadonlyRow<DenialsRow>, 'id' | 'transaction_id' | 'created_at' | 'kind'> {
  readonly kind: 'token' | 'grant' | 'user' | 'client' | 'server' | 'key'
}

/** A denial as it is recorded. Its transaction says where it stands among the others. */
export interface RecordedDenial extends DenialRow {
  readonly id: string
  readonly transaction_id: string
}

/** Denials since a cursor, and the cursor to go on from. Some may come twice; none is skipped. */
export interface DenialPage {
  cursor: string
  /** The run of the database that the cursor belongs to: another one after a restart, a crash, or a failover. */
  run: string
  /** Whether these are all that there are, instead of what came since the cursor. */
  isComplete: boolean
  denials: readonly RecordedDenial[]
  /** The last one of a full page: others may follow it. */
  last?: RecordedDenial | undefined
}

/** After somebody removes a client that many use there may be a million; so many are read in far less than a second. */
const PAGE = 5_000

export interface DenialStorage {
  recordDenial(denial: DenialRow, now: Date): Promise<void>
  /**
   * Reads what was committed since the cursor; '0' reads everything that is still needed, and so does a cursor of
   * another run than the one that is given with it. Of further pages the cursor and the rest mean nothing: the first
   * page's cursor is the one to go on from, since what has been committed meanwhile is at or above it.
   *
   * @param after the last one of the page before
   */
  readDenials(cursor: string, now: Date, run?: string, after?: RecordedDenial): Promise<DenialPage>
}

const RECORD = statement(
  'denials_record',
  `insert into auth_agent.denials (organization_id, kind, subject, server_id, cutoff, created_at, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7)`,
)
// The cursor is the oldest transaction that still runs: what it will commit has a number at or above it. A cursor
// ahead of xmin comes from before a restore, so everything is read again. So it is in another run of the database: one that
// has crashed gives the numbers of transactions that were rolled back, and not flushed, once more, and would else have
// passed the cursor by the time that it is asked. A run begins when the server starts, or recovers without starting anew,
// which resets its statistics. `between` says nothing new, and ends at the last number that there is; but PostgreSQL takes
// it that little lies between two bounds and a third of all beyond one, and would sort those for each page.
const READ = statement<
  { cursor: string; run: string; is_complete: boolean } & {
    [K in keyof RecordedDenial]: RecordedDenial[K] | null
  }
>(
  'denials_read',
  `select snapshot.xmin::text as cursor, snapshot.run, snapshot.since = '0'::xid8 as is_complete, d.id::text,
     d.transaction_id::text, d.organization_id, d.kind, d.subject, d.server_id, d.cutoff, d.expires_at
   from (
     select xmin, run, case when xmin < $1::xid8 or run <> $2 then '0'::xid8 else $1::xid8 end as since
     from pg_snapshot_xmin(pg_current_snapshot()) xmin,
       concat_ws(' ', extract(epoch from pg_postmaster_start_time()),
         extract(epoch from pg_stat_get_bgwriter_stat_reset_time())) run) snapshot
   left join lateral (
     select * from auth_agent.denials
     where (transaction_id, id) > (coalesce($3::xid8, snapshot.since), coalesce($4::bigint, 0))
       and transaction_id between coalesce($3::xid8, snapshot.since) and '18446744073709551615'
     order by transaction_id, id limit ${PAGE}) d on true`,
)

export function denialStorage(db: Queryable): DenialStorage {
  return {
    async recordDenial(denial, now) {
      const { organization_id, kind, subject, server_id, cutoff, expires_at } = denial
      await db.query(RECORD, [organization_id, kind, subject, server_id, cutoff, now, expires_at])
    },
    async readDenials(cursor, now, run, after) {
      const rows = await db.query(READ, [cursor, run, after?.transaction_id, after?.id])
      const page = rows.filter((row): row is RecordedDenial & (typeof rows)[number] => row.kind !== null)
      return {
        cursor: rows[0]?.cursor ?? cursor,
        run: rows[0]?.run ?? '',
        isComplete: rows[0]?.is_complete ?? false,
        // By the statement, the expired ones would be left out with the index on their expiry, through all of the others.
        denials: page.filter(({ expires_at }) => expires_at > now),
        last: page.length < PAGE ? undefined : page.at(-1),
      }
    },
  }
}
