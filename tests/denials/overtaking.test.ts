import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Queryable, statement } from '../../server/src/storage/database.ts'
import { type DenialRow, denialStorage } from '../../server/src/storage/denials.ts'
import { createTwoNodes, isActive, issue, type TwoNodes } from './nodes.ts'

const NUMBERS = statement<{ subject: string; id: string; transaction_id: string }>(
  'test_denial_numbers',
  'select subject, id, transaction_id::text from auth_agent.denials where subject = any ($1) order by id',
)

describe.each([15, 18] as const)('a slow transaction on PostgreSQL %i', (version) => {
  let nodes: TwoNodes

  beforeAll(async () => {
    nodes = await createTwoNodes(version)
  })
  afterAll(() => nodes.test.drop())

  function denyGrant(queryable: Queryable, grantId: string): Promise<void> {
    const denial: DenialRow = {
      organization_id: 'org_root',
      kind: 'grant',
      subject: grantId,
      server_id: null,
      cutoff: null,
      expires_at: new Date(nodes.clock.now + 3_900_000),
    }
    return denialStorage(queryable).recordDenial(denial, new Date(nodes.clock.now))
  }

  /** Whether node b takes the token of a grant, a second later. */
  async function isTaken(grantId: string): Promise<boolean> {
    nodes.clock.advance(1)
    return isActive(nodes.b, await issue(nodes.b, { grantId }))
  }

  it('that is overtaken by a fast one is not skipped', async () => {
    const { database } = nodes.test
    await database.transaction(async (slow) => {
      await denyGrant(slow, 'slow')
      await denyGrant(database, 'fast')
      // The node reads between the two commits, and more than once.
      expect(await isTaken('fast')).toBe(false)
      expect(await isTaken('slow')).toBe(true)
      expect(await isTaken('slow')).toBe(true)
    })
    expect(await isTaken('slow')).toBe(false)

    // It had the lower number: a cursor that counts numbers would stand beyond it.
    const [first, second] = await database.query(NUMBERS, [['slow', 'fast']])
    expect([first?.subject, second?.subject]).toEqual(['slow', 'fast'])
    expect(BigInt(first?.transaction_id ?? 0)).toBeLessThan(BigInt(second?.transaction_id ?? 0))
  })

  it('that draws its number late, and began early, is not skipped', async () => {
    const { database } = nodes.test
    await database.transaction(async (slow) => {
      await slow.runScript('select 1')
      await denyGrant(database, 'before it draws')
      expect(await isTaken('before it draws')).toBe(false)
      await denyGrant(slow, 'drawn late')
      expect(await isTaken('drawn late')).toBe(true)
    })
    expect(await isTaken('drawn late')).toBe(false)
  })

  it('that is one of several, which end in another order, is not skipped', async () => {
    const { database } = nodes.test
    await database.transaction(async (first) => {
      await denyGrant(first, 'first')
      await database.transaction(async (second) => {
        await denyGrant(second, 'second')
        await database.transaction(async (third) => {
          await denyGrant(third, 'third')
          await denyGrant(database, 'fourth')
          expect(await isTaken('fourth')).toBe(false)
        })
        expect(await isTaken('third')).toBe(false)
      })
      expect(await isTaken('second')).toBe(false)
      expect(await isTaken('first')).toBe(true)
    })
    expect(await isTaken('first')).toBe(false)
  })

  it('that is rolled back denies nothing', async () => {
    const { database } = nodes.test
    const rolledBack = database.transaction(async (slow) => {
      await denyGrant(slow, 'never')
      throw new Error('on second thoughts')
    })
    await expect(rolledBack).rejects.toThrow('on second thoughts')
    expect(await isTaken('never')).toBe(true)
  })

  it('that runs when a node starts is not skipped by it', async () => {
    const { database } = nodes.test
    const token = await issue(nodes.b, { grantId: 'during the start' })
    await database.transaction(async (slow) => {
      await denyGrant(slow, 'during the start')
      const started = await nodes.addNode()
      expect(await isActive(started, token)).toBe(true)
      nodes.b = started
    })
    nodes.clock.advance(1)
    expect(await isActive(nodes.b, token)).toBe(false)
  })
})
