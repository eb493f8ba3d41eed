import { randomBytes } from 'node:crypto'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import pg from 'pg'
import { inject } from 'vitest'
import type { Database } from '../../server/src/storage/database.ts'
import { TEMPLATE_DATABASE, urlOfDatabase } from './postgres_server.ts'

/** A migrated database of one test file. */
export interface TestDatabase {
  database: Database
  /** Signs in as the superuser. */
  url: string
  /** Ends the connections and removes the database; for `afterAll`. */
  drop(): Promise<void>
}

/**
 * Copies the migrated template of the PostgreSQL that `global_setup.ts` started: a database of your own in a few
 * tens of milliseconds.
 */
export async function createTestDatabase(options: { version?: 15 | 18 } = {}): Promise<TestDatabase> {
  const serverUrl = inject(options.version === 15 ? 'postgres15Url' : 'postgres18Url')
  const name = `test_${randomBytes(8).toString('hex')}`
  await run(serverUrl, `create database ${name} template ${TEMPLATE_DATABASE}`)
  const url = urlOfDatabase(serverUrl, name)
  const database = connectPostgres(url)
  return {
    database,
    url,
    async drop() {
      await database.close()
      await run(serverUrl, `drop database ${name} with (force)`)
    },
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}
