import { type Database, type Queryable, statement } from './database.ts'

/** One file of `supabase/migrations`: its name without `.sql`, and its text. */
export interface Migration {
  name: string
  sql: string
}

// Not `to_regclass`: that goes by what the session has cached, and whoever has waited for another to migrate may not have heard of it.
const MIGRATIONS_TABLE = statement<{ exists: boolean }>(
  'migrations_table',
  `select exists (
     select from pg_catalog.pg_tables where schemaname = 'auth_agent' and tablename = 'schema_migrations') as exists`,
)
const APPLIED = statement<{ name: string }>(
  'migrations_applied',
  'select name from auth_agent.schema_migrations',
)

/**
 * A script, since the wait for another process may take longer than a statement of a request. PostgreSQL looks every second whether
 * we are still there, where its platform lets it, so that neither the wait nor an index that is built goes on for a process
 * that was told to stop.
 */
const LOCK = `
do $$
begin
  perform set_config('client_connection_check_interval', '1s', true);
exception when invalid_parameter_value then null;
end
$$;
select pg_advisory_xact_lock(7283104551)`

/**
 * Applies what is missing, in order of name, in one transaction. Two processes that migrate at once wait for
 * each other; one that has nothing to migrate waits for nobody. Each migration records its own name, so Supabase's tool and
 * this one agree.
 *
 * @returns the names of those that were applied now
 */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  if ((await findMissing(database, migrations)).length === 0) return []
  return database.transaction(async (tx) => {
    await tx.runScript(LOCK)
    const missing = await findMissing(tx, migrations)
    for (const migration of missing) await tx.runScript(migration.sql)
    return missing.map((migration) => migration.name)
  })
}

async function findMissing(db: Queryable, migrations: readonly Migration[]): Promise<Migration[]> {
  const [table] = await db.query(MIGRATIONS_TABLE)
  const rows = table?.exists ? await db.query(APPLIED) : []
  const applied = new Set(rows.map((row) => row.name))
  return migrations
    .filter((migration) => !applied.has(migration.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
