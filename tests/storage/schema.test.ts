import { readFile } from 'node:fs/promises'
import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'
import { statement } from '../../server/src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { untilOneWaits } from '../support/waiting.ts'
import { readCatalogue } from './catalogue.ts'

const EMPTY = 'drop schema auth_agent cascade'

const FOREIGN_KEYS_WITHOUT_INDEX = statement<{ name: string }>(
  'test_foreign_keys_without_index',
  `select conrelid::regclass || ' ' || conname as name from pg_constraint f
   where contype = 'f' and connamespace = 'auth_agent'::regnamespace and not exists (
     select from pg_index i where i.indrelid = f.conrelid and i.indpred is null
       and (select array_agg(key order by key) from unnest((i.indkey::int2[])[0:cardinality(f.conkey) - 1]) key)
         = (select array_agg(key order by key) from unnest(f.conkey) key))`,
)

describe.each([15, 18] as const)('the schema on PostgreSQL %i', (version) => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase({ version })
  })
  afterAll(() => test.drop())

  it('is the same by migrations from empty as by schema.sql', async () => {
    await test.database.runScript(EMPTY)
    expect(await migrate(test.database, await readMigrations())).toEqual([
      '20261124000000_initial',
      '20261125000000_refresh_in_place',
      '20261125000001_denials_in_pages',
      '20261126000000_membership_is_passed',
    ])
    const migrated = await readCatalogue(test.database)
    await test.database.runScript(EMPTY)
    await test.database.runScript(
      await readFile(new URL('../../supabase/schema.sql', import.meta.url), 'utf8'),
    )
    expect(await readCatalogue(test.database)).toEqual(migrated)
    for (const facts of Object.values(migrated)) expect(facts.length).toBeGreaterThan(0)
    expect(migrated.columns.length).toBeGreaterThan(150)
  })

  it('counts as migrated where schema.sql made it', async () => {
    expect(await migrate(test.database, await readMigrations())).toEqual([])
  })

  it('has an index that begins with the columns of each foreign key', async () => {
    expect(await test.database.query(FOREIGN_KEYS_WITHOUT_INDEX)).toEqual([])
    await test.database.runScript('drop index auth_agent.tokens_organization_id')
    expect(await test.database.query(FOREIGN_KEYS_WITHOUT_INDEX)).toHaveLength(1)
  })

  it('is made once when two processes migrate at once', async () => {
    await test.database.runScript(EMPTY)
    const migrations = await readMigrations()
    const processes = [connectPostgres(test.url), connectPostgres(test.url), connectPostgres(test.url)]
    const applied = await Promise.all(processes.map((database) => migrate(database, migrations)))
    await Promise.all(processes.map((database) => database.close()))
    expect(applied.filter((names) => names.length > 0)).toEqual([migrations.map(({ name }) => name)])
  })

  it('is seen by a process that waited until another had made it', async () => {
    await test.database.runScript(EMPTY)
    // A small one: of many changes PostgreSQL tells sessions that know less by itself.
    const sql = `create schema auth_agent; create table auth_agent.schema_migrations (name text);
      insert into auth_agent.schema_migrations values ('first')`
    const waiting = connectPostgres(test.url, { maxConnections: 1 })
    const applied = await test.database.transaction(async (tx) => {
      await tx.runScript('select pg_advisory_xact_lock(7283104551)')
      const applied = migrate(waiting, [{ name: 'first', sql }])
      await untilOneWaits(test.database)
      await tx.runScript(sql)
      return { applied }
    })
    expect(await applied.applied).toEqual([])
    await waiting.close()
  })

  it('is made whole or not at all', async () => {
    await test.database.runScript(EMPTY)
    const broken = {
      name: '20991231000000_broken',
      sql: 'create table auth_agent.half (id int); select 1 / 0',
    }
    await expect(migrate(test.database, [...(await readMigrations()), broken])).rejects.toThrow(
      'division by zero',
    )
    const [row] = await test.database.query(
      statement<{ exists: boolean }>(
        'test_exists',
        `select to_regnamespace('auth_agent') is not null as exists`,
      ),
    )
    expect(row?.exists).toBe(false)
    await migrate(test.database, await readMigrations())
  })
})
