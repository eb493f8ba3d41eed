import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { findPostmaster } from '../../tests/support/embedded_processes.ts'
import { makeFolder } from '../../tests/support/folders.ts'
import { findFreePort, runMain } from '../../tests/support/main_process.ts'
import { createTestDatabase } from '../../tests/support/postgres.ts'
import { urlOfDatabase } from '../../tests/support/postgres_server.ts'

vi.setConfig({ testTimeout: 60_000 })

beforeAll(() => build())

/** Where another process migrates at this very moment. */
const LOCK_OF_MIGRATION = 'select pg_advisory_lock(7283104551)'

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  client.on('error', () => {})
  onTestFinished(() => client.end())
  return client
}

/** A database that nobody has migrated. */
async function createEmptyDatabase(): Promise<string> {
  const server = await connect(inject('postgres18Url'))
  const name = `test_empty_${crypto.randomUUID().replaceAll('-', '')}`
  await server.query(`create database ${name}`)
  onTestFinished(async () => {
    await server.query(`drop database ${name} with (force)`)
  })
  return urlOfDatabase(inject('postgres18Url'), name)
}

async function run(url: string, workers: string) {
  return runMain({
    WORKERS: workers,
    PORT: String(await findFreePort()),
    DATABASE_URL: url,
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
  })
}

/** How many sessions of our programs wait for a lock in the database. */
async function countWaiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query(
    `select 1 from pg_stat_activity
     where datname = current_database() and application_name = 'auth-agent' and wait_event_type = 'Lock'`,
  )
  return rows.length
}

describe.each(['1', '2'])('a start with WORKERS=%s', (workers) => {
  it('waits for no migration of another version where it has nothing to migrate', async () => {
    const test = await createTestDatabase()
    onTestFinished(test.drop)
    await (await connect(test.url)).query(LOCK_OF_MIGRATION)
    await (await run(test.url, workers)).started()
  })

  it('that waits for the migration of another process ends when it is told to', async () => {
    const url = await createEmptyDatabase()
    const other = await connect(url)
    await other.query(LOCK_OF_MIGRATION)
    const program = await run(url, workers)
    await expect.poll(() => countWaiting(other), { timeout: 30_000 }).toBe(1)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    expect(program.stderr()).toContain('The server is told to stop before it has started.')
    expect(program.stderr()).toContain('The server has stopped.')
    expect([program.stdout(), program.stderr()].join()).not.toContain('running')
    // Nor does the database go on with it.
    await expect.poll(() => countWaiting(other), { timeout: 30_000 }).toBe(0)
  })

  it('that was told to stop does not claim the database', async () => {
    const test = await createTestDatabase()
    onTestFinished(test.drop)
    // Within a transaction the view of who waits stays as it was.
    const [other, watcher] = [await connect(test.url), await connect(test.url)]
    await other.query('begin')
    await other.query('lock table auth_agent.schema_migrations')
    const program = await run(test.url, workers)
    await expect.poll(() => countWaiting(watcher), { timeout: 30_000 }).toBe(1)
    program.child.kill('SIGTERM')
    await expect.poll(() => program.stderr()).toContain('The server is told to stop before it has started.')
    await other.query('commit')
    expect(await program.ended).toBe(0)
    expect((await other.query('select issuer from auth_agent.deployment')).rows).toEqual([])
    expect([program.stdout(), program.stderr()].join()).not.toContain('running')
  })
})

it('the first start of an embedded database, told to stop, leaves no PostgreSQL behind', async () => {
  const DATA_DIR = join(await makeFolder(), 'data')
  const program = runMain({ DATA_DIR, PORT: String(await findFreePort()) })
  const isBegun = () => stat(join(DATA_DIR, 'postgres.password')).then(Boolean, () => false)
  await expect.poll(isBegun, { timeout: 30_000, interval: 10 }).toBe(true)
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
  expect(program.stderr()).toContain('The server has stopped.')
  expect(program.stdout()).toBe('')
  expect(await findPostmaster(DATA_DIR)).toBeUndefined()
})
