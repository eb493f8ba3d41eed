import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Queryable, statement } from '../../server/src/storage/database.ts'
import { type RefreshedFamily, tokenStorage } from '../../server/src/storage/tokens.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { untilOneWaits } from '../support/waiting.ts'
import { LIFETIMES, NOW, PRESENTATION, SET_UP, STATE, watch } from './one_family.ts'

const CLEANED = statement('test_cleaned', `update auth_agent.tokens set due_at = due_at + interval '1 day'`)

/** A token that is presented while another transaction holds its family: what that one decided must be seen. */
describe.each([15, 18] as const)('a presentation that waits, on PostgreSQL %i', (version) => {
  let test: TestDatabase
  beforeEach(async () => {
    test ??= await createTestDatabase({ version })
    await test.database.runScript(
      `truncate auth_agent.users, auth_agent.clients, auth_agent.mcp_servers, auth_agent.denials cascade; ${SET_UP}`,
    )
  })
  afterAll(() => test.drop())

  const present = (db: Queryable, generation: number) =>
    tokenStorage(db).presentRefreshToken({ ...PRESENTATION, generation }, LIFETIMES, NOW)

  /** Presents the current token while the work of another transaction has been done, but is not committed. */
  async function presentDuring(work: (tx: Queryable) => Promise<unknown>) {
    const { db, asked } = watch(test.database)
    let answer: Promise<RefreshedFamily | undefined> | undefined
    await test.database
      .transaction(async (tx) => {
        const rollBack = (await work(tx)) === 'roll back'
        answer = present(db, 7)
        await untilOneWaits(test.database)
        if (rollBack) throw new Error('rolled back')
      })
      .catch((error: Error) => expect(error.message).toBe('rolled back'))
    const { outcome, generation } = (await answer) ?? {}
    const [state] = await test.database.query(STATE)
    return { outcome, generation, asked, state }
  }
  const USUAL = ['tokens_rotate']
  const BOTH = ['tokens_rotate', 'tokens_present']

  it('for its revocation is refused', async () => {
    const { state, ...seen } = await presentDuring((tx) =>
      tokenStorage(tx).revokeGrant('grt_test', 'test', NOW),
    )
    expect(seen).toEqual({ outcome: 'revoked', generation: 7, asked: BOTH })
    expect(state).toMatchObject({ generation: 7, revoked_reason: 'test', access_expires_at: NOW })
  })

  it('for the same token to rotate gets what that one got', async () => {
    const { state, ...seen } = await presentDuring((tx) => present(tx, 7))
    expect(seen).toEqual({ outcome: 'raced', generation: 8, asked: BOTH })
    expect(state).toMatchObject({ generation: 8, raced_generation: 7, raced_run: 1 })
  })

  it('for a theft is refused', async () => {
    const { state, ...seen } = await presentDuring((tx) => present(tx, 2))
    expect(seen).toEqual({ outcome: 'revoked', generation: 7, asked: BOTH })
    expect(state).toMatchObject({ generation: 7, revoked_reason: 'theft' })
  })

  it('for the token before it to be repeated rotates, and keeps what was noted of that', async () => {
    const { state, ...seen } = await presentDuring((tx) => present(tx, 6))
    expect(seen).toEqual({ outcome: 'rotated', generation: 8, asked: USUAL })
    expect(state).toMatchObject({ generation: 8, replayed_generation: 6 })
  })

  it('for the cleaning of expired rows rotates', async () => {
    const { state, ...seen } = await presentDuring((tx) => tx.query(CLEANED))
    expect(seen).toEqual({ outcome: 'rotated', generation: 8, asked: USUAL })
    expect(state).toMatchObject({ generation: 8, superseded_at: [NOW] })
  })

  it('for a revocation that is rolled back rotates', async () => {
    const { state, ...seen } = await presentDuring(async (tx) => {
      await tokenStorage(tx).revokeGrant('grt_test', 'test', NOW)
      return 'roll back'
    })
    expect(seen).toEqual({ outcome: 'rotated', generation: 8, asked: USUAL })
    expect(state).toMatchObject({ generation: 8, revoked_at: null })
  })
})
