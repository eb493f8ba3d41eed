import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, statement } from '../../server/src/storage/database.ts'
import { checkNoCaching } from '../../workers/src/caching_check.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/** Where PostgreSQL has it: what its functions promise (`i`: immutable). Keywords such as CURRENT_TIMESTAMP are functions to Hyperdrive. */
const CHANGING_FUNCTIONS = statement<{ name: string }>(
  'changing_functions',
  `select distinct proname::text as name from pg_proc where provolatile <> 'i'
   union values ('current_date'), ('current_time'), ('current_timestamp'), ('localtime'), ('localtimestamp')`,
)

let test: TestDatabase
let changing: Set<string>
beforeAll(async () => {
  test = await createTestDatabase()
  changing = new Set((await test.database.query(CHANGING_FUNCTIONS)).map(({ name }) => name))
})
afterAll(() => test.drop())

/**
 * Caches what Hyperdrive caches by its documentation (docs/decisions/0015): every read whose text has no name of a function
 * that PostgreSQL holds for volatile or stable. Hyperdrive itself runs nowhere but at Cloudflare, so that it treats
 * `pg_stat_activity` as it does any table stays an assumption; `scripts/deploy_workers.ts` asks Cloudflare itself.
 */
function cache(database: Database): Database {
  const answers = new Map<string, unknown[]>()
  return {
    ...database,
    async query(statement, values = []) {
      const words = statement.text.toLowerCase().match(/\w+/g) ?? []
      if (words[0] !== 'select' || words.some((word) => changing.has(word)))
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

  it.each(['select now()', 'select 1 -- random()', 'select current_timestamp', 'select lastval(), 1'])(
    'could not ask by %s, which is never cached',
    async (text) => {
      const words = text.match(/\w+/g) ?? []
      expect(words.some((word) => changing.has(word))).toBe(true)
    },
  )
})
