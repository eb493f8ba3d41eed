import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { attemptCountersIn } from './attempt_counters.ts'
import { statement } from './database.ts'

// The contract of counters, wherever they are, is in tests/storage/attempt_counters.slow.test.ts.

const WRITTEN = statement<{ transaction: string | null }>(
  'test_written',
  'select pg_current_xact_id_if_assigned()::text as transaction',
)

let test_: TestDatabase
beforeAll(async () => {
  test_ = await createTestDatabase()
})
afterAll(() => test_.drop())

test('a refusal is a look: it writes nothing, so that whoever is refused makes the database write nothing', async () => {
  const [full, wide] = [1, 100].map((limit) => ({ key: randomBytes(32), limit, windowMs: 60_000 }))
  if (full === undefined || wide === undefined) return
  const countAndTell = () =>
    test_.database.transaction(async (tx) => {
      const waitMs = await attemptCountersIn(tx, Date.now).count([wide, full])
      const [row] = await tx.query(WRITTEN)
      return { isRefused: waitMs !== undefined, isWritten: row?.transaction !== null }
    })
  expect(await countAndTell()).toEqual({ isRefused: false, isWritten: true })
  for (let time = 0; time < 3; time += 1)
    expect(await countAndTell()).toEqual({ isRefused: true, isWritten: false })
})
