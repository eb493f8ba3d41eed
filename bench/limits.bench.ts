import { createHash, randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { createClient } from '@redis/client'
import { it } from 'vitest'
import { joinEmbeddedDatabase } from '../node/src/embedded_database.ts'
import { readMigrations } from '../node/src/migrations.ts'
import { openRedisAttemptCounters } from '../node/src/redis_attempt_counters.ts'
import type { AttemptCounters, Budget } from '../server/src/attempt_counters.ts'
import { silentLog } from '../server/src/log.ts'
import { attemptCountersIn } from '../server/src/storage/attempt_counters.ts'
import { startValkey } from '../tests/support/valkey.ts'
import { median } from './statistics.ts'

const KEYS = Number(process.env['KEYS'] ?? 1_000_000)
const ROUNDS = 5
const ROUND_MS = 2_000
/** As many as wait for an answer at any time. */
const AT_ONCE = 32
const HOUR_MS = 3_600_000

interface Place {
  counters: AttemptCounters
  /** Makes the counters of all keys, each with one attempt. */
  fill(): Promise<void>
  bytes(): Promise<number>
  close(): Promise<void>
}

/** One process, durable as it is by itself, beside a Valkey that keeps nothing on its disk. */
it(`limits with ${KEYS.toLocaleString('en')} keys`, async () => {
  const places = new Map([
    ['PostgreSQL', await openPostgres()],
    ['Valkey', await openValkey()],
  ])
  try {
    for (const [name, place] of places) {
      const empty = await place.bytes()
      await place.fill()
      console.log(`${name}: ${(((await place.bytes()) - empty) / KEYS).toFixed(0)} bytes a key`)
    }
    await compare('a guess, counted against three budgets, one of them everybody’s', places, guess)
    await compare('a guess of a known browser, counted against one', places, guessAtHome)
    await compare('a right password, counted and taken back', places, signIn)
    await compare('a refusal', places, refuse)
  } finally {
    for (const place of places.values()) await place.close()
  }
})

function keyOf(number: number): Buffer {
  return createHash('sha256').update(String(number)).digest()
}

const EVERYBODY: Budget = { key: keyOf(-1), limit: 2 ** 30, windowMs: HOUR_MS }

/** Of any address, and of any account, as far as these are keys; an attempt of either was counted before. */
function anyTwo(limit: number): [Budget, Budget] {
  const half = KEYS / 2
  const [address, account] = [randomInt(half), half + randomInt(half)]
  return [
    { key: keyOf(address), limit: 2 ** 30, windowMs: HOUR_MS },
    { key: keyOf(account), limit, windowMs: HOUR_MS },
  ]
}

async function guess(counters: AttemptCounters): Promise<void> {
  await counters.count([...anyTwo(2 ** 30), EVERYBODY])
}

async function guessAtHome(counters: AttemptCounters): Promise<void> {
  await counters.count(anyTwo(2 ** 30).slice(1))
}

async function signIn(counters: AttemptCounters): Promise<void> {
  const budgets = [...anyTwo(2 ** 30), EVERYBODY]
  await counters.count(budgets)
  await counters.forgive(budgets.map(({ key }) => key))
}

async function refuse(counters: AttemptCounters): Promise<void> {
  const waitMs = await counters.count([...anyTwo(1), EVERYBODY])
  if (waitMs === undefined) throw new Error('It was admitted.')
}

async function openPostgres(): Promise<Place> {
  const dataDir = await mkdtemp(join(tmpdir(), 'auth-agent-bench-'))
  const embedded = await joinEmbeddedDatabase({ dataDir, migrations: await readMigrations(), log: silentLog })
  const database = connectPostgres(embedded.url, { maxConnections: 10, patienceMs: 120_000 })
  return {
    counters: attemptCountersIn(database, Date.now),
    async fill() {
      await database.runScript(
        `insert into auth_agent.attempt_counters (key, attempts, window_ends_at)
         select sha256(n::text::bytea), 1, now() + interval '1 hour' from generate_series(0, ${KEYS - 1}) n`,
      )
    },
    async bytes() {
      const text = `select pg_total_relation_size('auth_agent.attempt_counters') as bytes`
      return Number((await database.query<{ bytes: string }>({ name: 'bytes', text }))[0]?.bytes)
    },
    async close() {
      await database.close()
      await embedded.leave()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function openValkey(): Promise<Place> {
  const valkey = await startValkey()
  const client = createClient({ url: valkey.url })
  await client.connect()
  const counters = await openRedisAttemptCounters(valkey.url, silentLog)
  return {
    counters,
    async fill() {
      let next = 0
      await inParallel(async () => {
        while (next < KEYS) await counters.count([{ key: keyOf(next++), limit: 2 ** 30, windowMs: HOUR_MS }])
      })
    },
    async bytes() {
      return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
    },
    async close() {
      counters.close()
      client.destroy()
      await valkey.stop()
    },
  }
}

/** In turns, so that what else the machine does falls on both. */
async function compare(
  name: string,
  places: ReadonlyMap<string, Place>,
  decide: (counters: AttemptCounters) => Promise<void>,
): Promise<void> {
  const rates = new Map([...places.keys()].map((place): [string, number[]] => [place, []]))
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [place, { counters }] of places) rates.get(place)?.push(await measure(() => decide(counters)))
  const shown = [...rates].map(([place, figures]) => `${place} ${median(figures).toFixed(0)}/s`)
  console.log(`${name}: ${shown.join(', ')}`)
}

/** How many in a second. */
async function measure(decide: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  let count = 0
  await inParallel(async () => {
    while (performance.now() - startedAt < ROUND_MS) {
      await decide()
      count += 1
    }
  })
  return (count / (performance.now() - startedAt)) * 1000
}

async function inParallel(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
