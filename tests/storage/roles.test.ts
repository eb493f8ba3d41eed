import { randomBytes } from 'node:crypto'
import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'
import { type Database, statement } from '../../server/src/storage/database.ts'
import { createManagementTest } from '../support/management.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { readCatalogue } from './catalogue.ts'

const TABLES = statement<{ name: string }>(
  'test_all_tables',
  `select format('auth_agent.%I', tablename) as name from pg_tables where schemaname = 'auth_agent'`,
)

const PRIVILEGES = statement<{ table: string }>(
  'test_privileges',
  `select c.relname::text as table, privilege from pg_class c,
     unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) privilege
   where c.relnamespace = 'auth_agent'::regnamespace and c.relkind = 'r'
     and has_table_privilege($1::name, c.oid, privilege)`,
)

describe.each([15, 18] as const)('who may touch the tables on PostgreSQL %i', (version) => {
  let test: TestDatabase
  let tables: string[]
  beforeAll(async () => {
    test = await createTestDatabase({ version })
    tables = (await test.database.query(TABLES)).map(({ name }) => name)
  })
  afterAll(() => test.drop())

  it('every table has row level security, forced on its owner too, and one policy for one role', async () => {
    const catalogue = await readCatalogue(test.database)
    const ofTables = catalogue.tables.filter((fact) => fact.startsWith('r '))
    expect(ofTables).toHaveLength(tables.length)
    for (const fact of ofTables) expect(fact).toContain('row security t, forced t')
    expect(catalogue.policies).toHaveLength(tables.length)
    for (const fact of catalogue.policies) expect(fact).toContain(' to {auth_agent_server} ')
  })

  it('nobody but the owner and the role of the server has a grant', async () => {
    const { grants } = await readCatalogue(test.database)
    expect(grants.filter((fact) => !/ to (owner|auth_agent_server)$/.test(fact))).toEqual([])
  })

  it.each(['anon', 'authenticated', 'service_role'])('%s is refused at every table', async (role) => {
    expect(tables.length).toBeGreaterThan(20)
    for (const table of tables) {
      for (const sql of [
        `select from ${table}`,
        `insert into ${table} default values`,
        `update ${table} set no_column = 1`,
        `delete from ${table}`,
        `truncate ${table}`,
      ]) {
        expect([sql, await attemptAs(test.database, role, sql)]).toEqual([sql, '42501'])
      }
    }
  })

  it.each(['anon', 'authenticated', 'service_role'])(
    '%s would be refused inside the schema too',
    async (role) => {
      const inside = `grant usage on schema auth_agent to ${role}; set local session authorization ${role}`
      for (const table of tables) {
        expect([table, await attempt(test.database, inside, `select from ${table}`)]).toEqual([
          table,
          '42501',
        ])
        expect([table, await attempt(test.database, inside, `delete from ${table}`)]).toEqual([
          table,
          '42501',
        ])
      }
      expect(await test.database.query(PRIVILEGES, [role])).toEqual([])
      expect(await test.database.query(PRIVILEGES, ['auth_agent_server'])).toHaveLength(tables.length * 4)
    },
  )

  it.each(['anon', 'authenticated', 'service_role'])(
    '%s makes nothing in the schema and calls nothing',
    async (role) => {
      expect(await attemptAs(test.database, role, 'create table auth_agent.mine (id int)')).toBe('42501')
      expect(await attemptAs(test.database, role, 'select auth_agent.may_use(null, null)')).toBe('42501')
      expect(await attemptAs(test.database, role, 'set role auth_agent_server')).toBe('42501')
    },
  )

  it('the role of the server works alone, and changes no table', async () => {
    const password = randomBytes(16).toString('hex')
    await test.database.runScript(`alter role auth_agent_server login password '${password}'`)
    const database = connectPostgres(urlAs(test.url, 'auth_agent_server', password))
    await useServer(database, 'https://alone.example')
    await expect(database.runScript('create table auth_agent.mine (id int)')).rejects.toThrow(
      'permission denied',
    )
    await expect(database.runScript('drop table auth_agent.tokens')).rejects.toThrow('must be owner')
    await expect(
      database.runScript('alter table auth_agent.tokens disable row level security'),
    ).rejects.toThrow('must be owner')
    await database.close()
    await test.database.runScript('alter role auth_agent_server nologin')
  })

  it('an ordinary role that may make roles migrates and serves, as on Supabase', async () => {
    const suffix = randomBytes(4).toString('hex')
    const [owner, server] = [`operator_${suffix}`, `auth_agent_server_${suffix}`]
    const own = await createTestDatabase({ version })
    await own.database.runScript(`
      create role ${owner} login createrole password '${suffix}';
      drop schema auth_agent cascade;
      do $$ begin execute format('grant create on database %I to ${owner}', current_database()); end $$`)
    const migrations = (await readMigrations()).map(({ name, sql }) => ({
      name,
      sql: sql.replaceAll('auth_agent_server', server),
    }))
    const database = connectPostgres(urlAs(own.url, owner, suffix))
    expect(await migrate(database, migrations)).toHaveLength(migrations.length)
    await useServer(database, 'https://ordinary.example')
    await database.close()
    await own.drop()
    await test.database.runScript(`drop role ${server}; drop role ${owner}`)
  })
})

function attemptAs(database: Database, role: string, sql: string): Promise<unknown> {
  return attempt(database, `set local session authorization ${role}`, sql)
}

/** @returns the SQLSTATE of the refusal, or undefined where there was none */
async function attempt(database: Database, preparation: string, sql: string): Promise<unknown> {
  const outcome = database.transaction(async (tx) => {
    await tx.runScript(preparation)
    await tx.runScript(sql)
    throw new Error('It was not refused; nothing of it stays.')
  })
  return outcome.catch((error: { code?: unknown }) => error.code)
}

/** What touches most tables: keys are made, somebody signs in, registers a server, invites, and removes it again. */
async function useServer(database: Database, server_url: string): Promise<void> {
  const api = await createManagementTest(database)
  await database.runScript(`
    insert into auth_agent.users (id, email, email_verified_at, email_verified_by)
      values ('usr_ada', 'ada@example.com', now(), 'operator');
    insert into auth_agent.memberships (organization_id, user_id, role) values ('org_root', 'usr_ada', 'owner')`)
  const call = await api.asUser('usr_ada')
  const created = await call('POST', '/servers', { server_url, server_name: 'Files', scopes: ['read'] })
  expect(created.status).toBe(201)
  const { server_id } = created.body
  expect((await call('POST', `/servers/${server_id}/keys`, { name: 'key' })).status).toBe(201)
  expect(await api.context.storage.mayUse(server_id, 'usr_ada')).toBe(true)
  expect((await call('POST', '/invitations', { email: 'guest@example.com' })).status).toBe(201)
  expect((await call('PATCH', `/servers/${server_id}`, { access: 'everyone' })).status).toBe(200)
  expect((await call('DELETE', `/servers/${server_id}`)).status).toBe(204)
}

function urlAs(url: string, user: string, password: string): string {
  const other = new URL(url)
  other.username = user
  other.password = password
  return other.href
}
