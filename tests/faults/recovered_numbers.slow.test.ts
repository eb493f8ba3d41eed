import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readMigrations } from '../../node/src/migrations.ts'
import type { ServerContext } from '../../server/src/context.ts'
import { createContext } from '../../server/src/create_context.ts'
import { type Database, statement } from '../../server/src/storage/database.ts'
import { isActive, issue } from '../denials/nodes.ts'
import { createClock } from '../support/server.ts'
import { type DatabaseServer, startDatabaseServer } from './database_server.ts'

const FOLLOWER = { organization_id: 'org_root', server_id: 'srv_follower' }
const DRAW = statement<{ number: string }>('test_draw', 'select pg_current_xact_id()::text as number')

const clock = createClock()
let server: DatabaseServer
let databases: Database[]

beforeEach(async () => {
  server = await startDatabaseServer()
  databases = []
  const database = connect()
  await migrate(database, await readMigrations())
})
afterEach(async () => {
  for (const database of databases) await database.close()
  await server.close()
})

function connect(): Database {
  const database = connectPostgres(server.url, { maxConnections: 2 })
  databases.push(database)
  return database
}

function createNode(): Promise<ServerContext> {
  return createContext({
    issuer: 'https://as.example',
    database: connect(),
    secrets: ['a server secret that has more than thirty-two bytes'],
    fetchPublicUrl: () => Promise.reject(new Error('Nothing is fetched here.')),
    now: () => clock.now,
  })
}

/** Draws numbers of transactions, and gives them back where they are rolled back. */
async function draw(count: number, end: 'commit' | 'rollback'): Promise<bigint> {
  const database = connect()
  let last = 0n
  for (let drawn = 0; drawn < count; drawn += 1) {
    await database
      .transaction(async (transaction) => {
        const [row] = await transaction.query(DRAW)
        last = BigInt(row?.number ?? 0)
        if (end === 'rollback') throw new Error('It is rolled back.')
      })
      .catch(() => {})
  }
  return last
}

const CRASHES: readonly (readonly [string, () => Promise<void>])[] = [
  ['stopped at once', () => server.restart('immediate')],
  ['recovered from a process that was killed', () => server.killBackend()],
]

it.each(CRASHES)(
  'a revocation after PostgreSQL has %s is known, though its number was given before',
  async (_, crash) => {
    const [a, b] = [await createNode(), await createNode()]
    const token = await issue(b, { grantId: 'grant-of-the-test' })
    const drawnBefore = await draw(50, 'rollback')
    clock.advance(1)
    expect(await isActive(b, token)).toBe(true)
    const { cursor } = b.denials.log.newsFor(FOLLOWER, undefined, clock.now)

    // Nobody asks the node while the database is away: it notices nothing.
    await crash()
    const drawnAgain = await draw(1, 'commit')
    expect(drawnAgain).toBeLessThan(drawnBefore)
    await a.storage.recordDenial(
      {
        ...FOLLOWER,
        kind: 'grant',
        subject: 'grant-of-the-test',
        cutoff: null,
        expires_at: new Date(clock.now + 3_900_000),
      },
      new Date(clock.now),
    )
    expect(await draw(100, 'commit')).toBeGreaterThan(drawnBefore)

    clock.advance(1)
    expect(await isActive(b, token)).toBe(false)
    const { denials } = b.denials.log.newsFor(FOLLOWER, cursor, clock.now)
    expect(denials.map(({ subject }) => subject)).toEqual(['grant-of-the-test'])
  },
)
