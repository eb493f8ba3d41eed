import { type Database, statement } from '@auth-agent/server/storage/database'

/**
 * When this user's latest statement began. Its text names no function that Hyperdrive would recognise as one that varies, so
 * Hyperdrive answers the second of two such reads out of its cache where that is on, with the time of the first: by its
 * documentation, not by any trial of ours (docs/decisions/0015).
 */
const LATEST_STATEMENT = statement<{ latest: string | null }>(
  'latest_statement',
  'select max(query_start)::text as latest from pg_catalog.pg_stat_activity',
)

/**
 * Checks that reads come from the database: Hyperdrive's query cache, which is on by default, would show for a minute what
 * has been revoked since. Where PostgreSQL does not track statements nothing can be told, and the configuration counts.
 *
 * @throws Error with a sentence for the operator
 */
export async function checkNoCaching(database: Database): Promise<void> {
  const [first] = await database.query(LATEST_STATEMENT)
  const [second] = await database.query(LATEST_STATEMENT)
  if (first?.latest === null || first?.latest !== second?.latest) return
  throw new Error(
    'Hyperdrive answers out of its query cache, which would hide revocations: turn it off with `wrangler hyperdrive update <id> --caching-disabled true`, and wait for a minute.',
  )
}
