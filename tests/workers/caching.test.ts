import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../server/src/storage/database.ts'
import { checkNoCaching } from '../../workers/src/caching_check.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

/** Answers as Hyperdrive does where its cache is on: what it knows to vary is passed through. */
function cache(database: Database): Database {
  const answers = new Map<string, unknown[]>()
  return {
    ...database,
    async query(statement, values = []) {
      if (/\b(now|clock_timestamp|statement_timestamp|random|pg_[a-z_]+)\s*\(/i.test(statement.text))
        return database.query(statement, values)
      const key = JSON.stringify([statement.text, values])
      const answer = answers.get(key) ?? (await database.query(statement, values))
      answers.set(key, answer)
      return answer as never
    },
  }
}

describe('the check for a query cache', () => {
  it('passes where every read comes from the database', async () => {
    for (let times = 0; times < 20; times += 1) await checkNoCaching(test.database)
  })

  it('refuses where a repeated read is stale', async () => {
    await expect(checkNoCaching(cache(test.database))).rejects.toThrow('--caching-disabled true')
  })
})
