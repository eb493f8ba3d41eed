import { createServer, type Socket } from 'node:net'
import { getHeapSpaceStatistics } from 'node:v8'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { DatabaseUnavailable, statement } from './database.ts'

const PATIENCE_MS = 1_000
const SLEEP = statement('test_sleep', 'select pg_sleep(20)')
const ONE = statement<{ one: number }>('test_one', 'select 1 as one')

/** Takes connections and never says anything, as a PostgreSQL does that is stopped in the middle. */
async function startSilence(): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return `postgres://u:p@127.0.0.1:${typeof address === 'object' ? address?.port : 0}/a`
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await expect(work()).rejects.toThrow(DatabaseUnavailable)
  return performance.now() - began
}

describe('a database that hangs', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
  })
  afterAll(() => test.drop())

  const connect = (url: string, maxConnections = 1) => {
    const database = connectPostgres(url, { patienceMs: PATIENCE_MS, maxConnections })
    onTestFinished(() => database.close())
    return database
  }

  it('is waited for once, in a statement and in a transaction', async () => {
    const database = connect(test.url)
    expect(await timeOf(() => database.query(SLEEP))).toBeLessThan(PATIENCE_MS * 1.8)
    expect(await timeOf(() => database.transaction((tx) => tx.query(SLEEP)))).toBeLessThan(PATIENCE_MS * 1.8)
    // The connection that hung is not used again.
    expect(await database.query(ONE)).toEqual([{ one: 1 }])
  })

  it('is waited for once by those who wait for a connection as well', async () => {
    const database = connect(await startSilence())
    const times = await Promise.all(Array.from({ length: 3 }, () => timeOf(() => database.query(ONE))))
    for (const time of times) expect(time).toBeLessThan(PATIENCE_MS * 1.8)
  })

  it('is waited for longer by a script, such as a migration', async () => {
    const database = connect(test.url)
    await database.runScript(`select pg_sleep(${(PATIENCE_MS * 2) / 1000})`)
    expect(await database.query(ONE)).toEqual([{ one: 1 }])
  })
})

it('a statement that is refused tells who asked it, in a transaction as well, and a pool that was ended is unavailable', async () => {
  const test = await createTestDatabase()
  onTestFinished(() => test.drop())
  const database = connectPostgres(test.url, { maxConnections: 1 })
  const SENSELESS = statement('test_senseless', 'select * from nowhere')
  async function whoAsks() {
    await database.query(SENSELESS)
  }
  async function whoAsksInTransaction() {
    await database.transaction((tx) => tx.query(SENSELESS))
  }
  for (const ask of [whoAsks, whoAsksInTransaction]) {
    const refused = await ask().catch((error: Error) => error)
    const stack = expect.stringMatching(`at (async )?${ask.name} `)
    expect(refused).toMatchObject({ code: '42P01', stack })
  }
  expect(await database.query(ONE)).toEqual([{ one: 1 }])
  await database.close()
  await expect(database.query(ONE)).rejects.toThrow(DatabaseUnavailable)
})

it('rows do not outlive their statement until all garbage is collected', async () => {
  const test = await createTestDatabase()
  onTestFinished(() => test.drop())
  const [times, size] = [10_000, 8_000]
  const LONG = statement<{ text: string }>('test_long', `select repeat('x', ${size}) as text`)
  let aged = 0
  for (let time = 0; time < times; time += 1) {
    const before = bytesOfOldObjects()
    await test.database.query(LONG)
    aged += Math.max(0, bytesOfOldObjects() - before)
  }
  expect(aged).toBeLessThan((times * size) / 4)
})

/** Of what V8 collects only by looking through the whole heap. */
function bytesOfOldObjects(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}

it('a transaction that is refused leaves nothing, and its connection is used again', async () => {
  const test = await createTestDatabase()
  onTestFinished(() => test.drop())
  const database = connectPostgres(test.url, { maxConnections: 1 })
  const refused = database.transaction(async (tx) => {
    await tx.runScript("insert into auth_agent.organizations (id, name) values ('org_other', 'Other')")
    throw new Error('Not this one.')
  })
  await expect(refused).rejects.toThrow('Not this one.')
  const COUNT = statement<{ count: string }>('test_count', 'select count(*) from auth_agent.organizations')
  expect(await database.query(COUNT)).toEqual([{ count: '1' }])
  await database.close()
})

it('of two transactions that wait for each other, one is given up, and may be tried again', async () => {
  const test = await createTestDatabase()
  onTestFinished(() => test.drop())
  const lock = (n: number) => statement(`test_lock_${n}`, `select pg_advisory_xact_lock(${n})`)
  const locked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const lockBoth = (first: 0 | 1, second: 0 | 1) =>
    test.database.transaction(async (tx) => {
      await tx.query(lock(first))
      locked[first].resolve()
      await locked[second].promise
      await tx.query(lock(second))
    })
  const outcomes = await Promise.allSettled([lockBoth(0, 1), lockBoth(1, 0)])
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const refused = outcomes.find((outcome) => outcome.status === 'rejected')
  expect(refused?.reason).toBeInstanceOf(DatabaseUnavailable)
  await lockBoth(0, 0)
})

describe('a connection that is cut', () => {
  const CUT = statement(
    'test_cut',
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'cut'`,
  )
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
  })
  afterAll(() => test.drop())

  const connect = () => {
    const database = connectPostgres(test.url, { maxConnections: 1, applicationName: 'cut' })
    onTestFinished(() => database.close())
    return database
  }

  it.each(['a statement', 'a transaction'])('and written to before anybody knows fails %s', async (what) => {
    const database = connect()
    await database.query(ONE)
    await test.database.query(ONE)
    const cut = test.database.query(CUT)
    await new Promise((resolve) => setImmediate(resolve))
    // Nothing is read for so long, so the write that follows fails by itself: with EPIPE on a unix socket.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    const asked = what === 'a statement' ? database.query(ONE) : database.transaction((tx) => tx.query(ONE))
    await expect(asked).rejects.toThrow(DatabaseUnavailable)
    await cut
    expect(await database.query(ONE)).toEqual([{ one: 1 }])
  })

  it('between two statements of a transaction fails it, and nothing else', async () => {
    const database = connect()
    const cutShort = database.transaction(async (tx) => {
      await tx.query(ONE)
      await test.database.query(CUT)
      await new Promise((resolve) => setTimeout(resolve, 200))
      await tx.query(ONE)
    })
    await expect(cutShort).rejects.toThrow(DatabaseUnavailable)
    expect(await database.query(ONE)).toEqual([{ one: 1 }])
  })
})
