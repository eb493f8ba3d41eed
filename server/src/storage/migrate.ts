import { type Database, type Queryable, statement } from './database.ts'

/** One file of `supabase/migrations`: its name without `.sql`, and its text. */
export interface Migration {
  name: string
  sql: string
}

const MIGRATIONS_TABLE = statement<{ exists: boolean }>(
  'migrations_table',
  `select to_regclass('auth_agent.schema_migrations') is not null as exists`,
)
const APPLIED = statement<{ name: string }>(
  'migrations_applied',
  'select name from auth_agent.schema_migrations',
)

/** A script, since the wait for another process may take longer than a statement of a request. */
const LOCK = 'select pg_advisory_xact_lock(7283104551)'

/**
 * Applies what is missing, in order of name, in one transaction. Two processes that migrate at once wait for
 * each other. Each migration records its own name, so Supabase's tool and this one agree.
 *
 * @returns the names of those that were applied now
 */
export function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.runScript(LOCK)
    const applied = await findApplied(tx)
    const missing = migrations
      .filter((migration) => !applied.has(migration.name))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    for (const migration of missing) await tx.runScript(migration.sql)
    return missing.map((migration) => migration.name)
  })
}

async function findApplied(tx: Queryable): Promise<Set<string>> {
  const [table] = await tx.query(MIGRATIONS_TABLE)
  const rows = table?.exists ? await tx.query(APPLIED) : []
  return new Set(rows.map((row) => row.name))
}
