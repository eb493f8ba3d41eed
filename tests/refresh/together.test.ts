import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { createEndOfTurn } from '../../node/src/end_of_turn.ts'
import type { Queryable } from '../../server/src/storage/database.ts'
import { type RefreshPresentation, tokenStorage } from '../../server/src/storage/tokens.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { untilOneWaits } from '../support/waiting.ts'
import { LIFETIMES, NOW, PRESENTATION, SET_UP, STATE, watch } from './one_family.ts'

const FAMILIES = ['family', 'family 1', 'family 2', 'family 3']
const COPIES = `insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes,
    identity, auth_time, generation, superseded_at, sender_constrained, presented_from, created_at, last_used_at, expires_at,
    max_expires_at, access_expires_at)
  select 'family ' || n, 'grt_test_' || n, organization_id, client_digest, user_id, server_id, resource, scopes, identity,
    auth_time, generation, superseded_at, sender_constrained, presented_from, created_at, last_used_at, expires_at,
    max_expires_at, access_expires_at
  from auth_agent.tokens, generate_series(1, 3) n`
/** Refresh tokens that are presented in one turn of the event loop. */
describe.each([15, 18] as const)('presentations that go together, on PostgreSQL %i', (version) => {
  let test: TestDatabase
  beforeEach(async () => {
    test ??= await createTestDatabase({ version })
    await test.database.runScript(
      `truncate auth_agent.users, auth_agent.clients, auth_agent.mcp_servers, auth_agent.denials cascade; ${SET_UP}; ${COPIES}`,
    )
  })
  afterAll(() => test.drop())

  function presentAll(db: Queryable, presented: readonly Partial<RefreshPresentation>[]) {
    const { presentRefreshToken } = tokenStorage(db, createEndOfTurn())
    return presented.map(async (one) => {
      const answer = await presentRefreshToken({ ...PRESENTATION, ...one }, LIFETIMES, NOW)
      return answer && [answer.family, answer.outcome, answer.generation]
    })
  }
  const stateOf = async (family: string) =>
    (await test.database.query(STATE)).find((row) => row.family === family)

  it('are one statement, and each gets its own', async () => {
    const { db, asked } = watch(test.database)
    const networks = FAMILIES.map((family) => Buffer.from(`network of ${family}`))
    const presented = FAMILIES.map((family, n) => ({ family, presented_from: networks[n] ?? null }))
    const answers = await Promise.all(presentAll(db, presented))
    expect(answers).toEqual(FAMILIES.map((family) => [family, 'rotated', 8]))
    expect(asked).toEqual(['tokens_rotate_together'])
    for (const [n, family] of FAMILIES.entries())
      expect(await stateOf(family)).toMatchObject({
        generation: 8,
        presented_from: networks[n],
        last_used_at: NOW,
        superseded_at: [NOW],
      })
  })

  it('are decided one by one where they are not the usual case', async () => {
    const answers = await Promise.all(
      presentAll(test.database, [
        { family: 'family 1', generation: 6 },
        { family: 'family 2', generation: 3 },
        { family: 'unknown' },
        { scopes: ['files:read'] },
        { family: 'family 3', scopes: ['files:delete'] },
      ]),
    )
    expect(answers).toEqual([
      ['family 1', 'repeated', 7],
      ['family 2', 'theft', 7],
      undefined,
      ['family', 'rotated', 8],
      ['family 3', 'scope_exceeded', 7],
    ])
  })

  it('are a race where two are of one family, and count as one', async () => {
    const { db, asked } = watch(test.database)
    const answers = await Promise.all(presentAll(db, [{}, { family: 'family 1' }, {}]))
    expect(answers).toEqual([
      ['family', 'rotated', 8],
      ['family 1', 'rotated', 8],
      ['family', 'raced', 8],
    ])
    expect(asked).toEqual(['tokens_rotate_together', 'tokens_present'])
    expect(await stateOf('family')).toMatchObject({ raced_generation: 7, raced_run: 1 })
  })

  it('do not wait for one whose family somebody else holds', async () => {
    let held: Promise<unknown> | undefined
    await test.database.transaction(async (tx) => {
      await tokenStorage(tx).revokeGrant('grt_test', 'test', NOW)
      const [first, ...others] = presentAll(
        test.database,
        FAMILIES.map((family) => ({ family })),
      )
      held = first
      expect(await Promise.all(others)).toEqual(FAMILIES.slice(1).map((family) => [family, 'rotated', 8]))
      await untilOneWaits(test.database)
    })
    expect(await held).toEqual(['family', 'revoked', 7])
  })
})
