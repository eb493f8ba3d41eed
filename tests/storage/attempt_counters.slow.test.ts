import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRedisAttemptCounters } from '../../node/src/redis_attempt_counters.ts'
import type { AttemptCounters, Budget } from '../../server/src/attempt_counters.ts'
import { silentLog } from '../../server/src/log.ts'
import { attemptCountersIn } from '../../server/src/storage/attempt_counters.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startValkey } from '../support/valkey.ts'

interface Place {
  /** Of one node; each call is another. */
  connect(): Promise<AttemptCounters>
  /** How many counters there are. */
  size(): Promise<number>
  close(): Promise<void>
}

async function postgres(version: 15 | 18): Promise<Place> {
  const { database, drop } = await createTestDatabase({ version })
  const text = 'select count(*)::int as size from auth_agent.attempt_counters'
  return {
    connect: async () => attemptCountersIn(database, Date.now),
    size: async () => (await database.query<{ size: number }>({ name: 'test_size', text }))[0]?.size ?? -1,
    close: drop,
  }
}

async function valkey(): Promise<Place> {
  const { createClient } = await import('@redis/client')
  const server = await startValkey()
  const client = createClient({ url: server.url })
  await client.connect()
  const closes: (() => void)[] = [() => client.destroy()]
  return {
    async connect() {
      const counters = await openRedisAttemptCounters(server.url, silentLog)
      closes.push(counters.close)
      return counters
    },
    size: () => client.dbSize(),
    async close() {
      for (const close of closes) close()
      await server.stop()
    },
  }
}

/** What limits rely on, wherever is counted. */
describe.each([
  ['PostgreSQL 15', () => postgres(15)],
  ['PostgreSQL 18', () => postgres(18)],
  ['Valkey', valkey],
])('attempt counters in %s', (_name, open) => {
  let place: Place
  let counters: AttemptCounters
  let other: AttemptCounters

  beforeAll(async () => {
    place = await open()
    counters = await place.connect()
    other = await place.connect()
  })
  afterAll(() => place.close())

  const budget = (limit: number, windowMs = 3_600_000): Budget => ({ key: randomBytes(32), limit, windowMs })

  async function countTimes(times: number, budgets: readonly Budget[]): Promise<(number | undefined)[]> {
    const waits: (number | undefined)[] = []
    for (let time = 0; time < times; time += 1) waits.push(await counters.count(budgets))
    return waits
  }

  it('admit as many attempts as a budget has, and then tell how long to wait', async () => {
    const limited = budget(3)
    const [refused, ...admitted] = (await countTimes(4, [limited])).toReversed()
    expect(admitted).toEqual([undefined, undefined, undefined])
    expect(refused).toBeGreaterThan(3_500_000)
    expect(refused).toBeLessThanOrEqual(3_600_000)
  })

  it('know what was counted elsewhere, and keep budgets apart', async () => {
    const [one, another] = [budget(1), budget(1)]
    expect(await counters.count([one])).toBeUndefined()
    expect(await other.count([one])).toBeGreaterThan(0)
    expect(await other.count([another])).toBeUndefined()
  })

  it('admit exactly as many of many at once, from all nodes', async () => {
    const [narrow, wide] = [budget(10), budget(1_000)]
    const waits = await Promise.all(
      Array.from({ length: 60 }, (_, index) => (index % 2 ? counters : other).count([narrow, wide])),
    )
    expect(waits.filter((wait) => wait === undefined)).toHaveLength(10)
  })

  it('count against all budgets or none: what is refused uses up nothing, and leaves nothing', async () => {
    const [full, wide, fresh] = [budget(1), budget(3), budget(1)]
    await counters.count([full, wide])
    const size = await place.size()
    for (const wait of await countTimes(20, [wide, full, fresh])) expect(wait).toBeGreaterThan(0)
    expect(await place.size()).toBe(size)
    expect(await countTimes(2, [wide])).toEqual([undefined, undefined])
    expect(await counters.count([wide])).toBeGreaterThan(0)
  })

  it('name the time after which all budgets admit again', async () => {
    const [short, long] = [budget(1, 10_000), budget(1, 1_000_000)]
    await counters.count([short, long])
    expect(await counters.count([short, long])).toBeGreaterThan(10_000)
  })

  it('take back an attempt that is forgiven, and none that was not made', async () => {
    const limited = budget(2)
    await countTimes(2, [limited])
    await counters.forgive([limited.key])
    expect(await counters.count([limited])).toBeUndefined()
    expect(await counters.count([limited])).toBeGreaterThan(0)

    const unused = budget(1)
    await counters.forgive([unused.key, unused.key])
    expect(await counters.count([unused])).toBeUndefined()
    expect(await counters.count([unused])).toBeGreaterThan(0)
  })

  it('keep nothing of what was forgiven in whole', async () => {
    const size = await place.size()
    const budgets = [budget(10), budget(10)]
    await countTimes(3, budgets)
    expect(await place.size()).toBe(size + 2)
    for (let time = 0; time < 3; time += 1) await other.forgive(budgets.map(({ key }) => key))
    expect(await place.size()).toBe(size)
  })

  it('forgive at the same moment without losing, or inventing, an attempt', async () => {
    const budgets = [budget(100), budget(100), budget(100)]
    await countTimes(60, budgets)
    const keys = budgets.map(({ key }) => key)
    await Promise.all(
      Array.from({ length: 80 }, (_, index) => {
        const node = index % 2 ? counters : other
        // In another order each, as nodes would.
        return index < 40 ? node.forgive(index % 3 ? keys : keys.toReversed()) : node.count(budgets)
      }),
    )
    expect(await countTimes(20, budgets)).not.toContain(expect.any(Number))
    expect((await countTimes(20, budgets)).filter((wait) => wait === undefined)).toHaveLength(20)
    expect(await counters.count(budgets)).toBeGreaterThan(0)
  })

  it('begin a new window when the last has ended', async () => {
    const limited = budget(1, 200)
    expect(await counters.count([limited])).toBeUndefined()
    await expect.poll(() => counters.count([limited]), { timeout: 30_000, interval: 20 }).toBeUndefined()
  })
})
