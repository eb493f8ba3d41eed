import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from './postgres.ts'

const VERSION = statement<{ version: string }>(
  'test_version',
  `select current_setting('server_version') as version`,
)
const TABLES = statement<{ name: string }>(
  'test_tables',
  `select table_name::text as name from information_schema.tables where table_schema = 'auth_agent'`,
)
const ROLES = statement<{ name: string }>(
  'test_roles',
  `select rolname::text as name from pg_roles where rolname in ('anon', 'authenticated', 'service_role') order by 1`,
)

describe.each([15, 18] as const)('a test database of PostgreSQL %i', (version) => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase({ version })
  })
  afterAll(() => test.drop())

  it('runs on that version', async () => {
    const [row] = await test.database.query(VERSION)
    expect(Number.parseInt(row?.version ?? '', 10)).toBe(version)
  })

  it('is migrated', async () => {
    const tables = (await test.database.query(TABLES)).map((row) => row.name)
    expect(tables).toContain('mcp_servers')
  })

  it("has Supabase's roles", async () => {
    const roles = (await test.database.query(ROLES)).map((row) => row.name)
    expect(roles).toEqual(['anon', 'authenticated', 'service_role'])
  })

  it('is its own', async () => {
    const other = await createTestDatabase({ version })
    await other.database.runScript('create table only_here (id int)')
    await expect(test.database.runScript('select * from only_here')).rejects.toThrow('does not exist')
    await other.drop()
  })
})
