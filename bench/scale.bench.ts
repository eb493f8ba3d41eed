import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hashPassword } from '../server/src/sign_in/password_hash.ts'
import { environmentOf } from '../tests/support/cluster.ts'
import { runFlows } from '../tests/support/every_flow.ts'
import {
  buffersOf,
  type Explained,
  explainStatements,
  shapeOf,
} from '../tests/support/explaining_database.ts'
import { grant, registerClient } from '../tests/support/flow.ts'
import { findFreePort, type MainProcess, spawnMain } from '../tests/support/main_process.ts'
import { createRemoteServer } from '../tests/support/remote_server.ts'
import { createTestServer } from '../tests/support/server.ts'
import { load } from './comparison/load.ts'
import { OTHER_CORE, SERVER_CORE } from './comparison/measure.ts'
import { type DurablePostgres, SETTINGS, startDurablePostgres } from './durable_postgres.ts'
import { bindToCore, cpuSecondsOf } from './processor.ts'
import { type GrownDatabase, ISSUER, makeGrownDatabases, serverOptions } from './scale/grown_database.ts'
import { type Load, makeLoads } from './scale/loads.ts'
import { median } from './statistics.ts'

const ROWS = Number(process.env['ROWS'] ?? 10_000_000)
const SECONDS = Number(process.env['SECONDS'] ?? 10)
const ROUNDS = 5
const CONNECTIONS = 32
const FEW = 1_000
const LOGINS = 96
/** Of one person: more at once would be too many attempts at his password. */
const LOGINS_AT_ONCE = 6

/** A server process on a database. */
interface Node {
  grown: GrownDatabase
  port: number
  program: MainProcess
  environment: Record<string, string>
  loads: readonly Load[]
}

interface Turn {
  requestsPerSecond: number
  serverCpu: number
  databaseCpu: number
  walBytes: number
}

/**
 * One PostgreSQL with two databases that differ in their rows, and a server process on each. The servers have one core,
 * of which only one works at a time; PostgreSQL and what asks have the other.
 */
describe(`${FEW.toLocaleString('en')} rows in tokens beside ${ROWS.toLocaleString('en')}`, () => {
  let postgres: DurablePostgres
  let databases: GrownDatabase[]

  beforeAll(async () => {
    postgres = await startDurablePostgres()
    databases = await makeGrownDatabases(postgres.url, [
      { tokens: FEW, denials: 100 },
      { tokens: ROWS, denials: Math.max(100, ROWS / 1_000) },
    ])
  }, 3_600_000)
  afterAll(async () => {
    for (const { database } of databases) await database.close()
    await postgres.close()
  })

  it('tables', async () => {
    for (const { database, sizes } of databases) await showTables(database, sizes.tokens)
  })

  it('plans', async () => {
    const [few, many] = [await explainFlows(databases[0]), await explainFlows(databases[1])]
    showPlans(few, many)
  })

  it('throughput', async () => {
    console.log(
      `PostgreSQL 18, fsync on, ${JSON.stringify(SETTINGS)}, huge pages ${await readHugePages(databases[0])}; ${CONNECTIONS} connections, ${SECONDS} s a turn`,
    )
    const nodes: Node[] = []
    try {
      for (const grown of databases) nodes.push(await startNode(grown))
      for (const pid of [process.pid, postgres.pid]) await bindToCore(pid, OTHER_CORE)
      for (const { program } of nodes) await bindToCore(program.child.pid as number, SERVER_CORE)
      for (const index of nodes[0]?.loads.keys() ?? []) await compare(nodes, index, postgres)
      await compareLogins(nodes, postgres)
    } finally {
      for (const node of nodes) await stopNode(node)
    }
  }, 3_600_000)
})

async function startNode(grown: GrownDatabase): Promise<Node> {
  const port = await findFreePort()
  const environment = { ...environmentOf(port, ISSUER, grown.url), LOG_LEVEL: 'error' }
  const program = spawnMain(environment)
  await program.started()
  return { grown, port, program, environment, loads: await makeLoads(grown, CONNECTIONS) }
}

async function stopNode({ program, environment }: Node): Promise<void> {
  program.child.kill('SIGTERM')
  await program.ended
  await rm(environment['DATA_DIR'] as string, { recursive: true, force: true })
}

/** Turns of one load, first one database, then the other one first; the first turn of each only warms up. */
async function compare(nodes: readonly Node[], index: number, postgres: DurablePostgres): Promise<void> {
  const turns: Turn[][] = nodes.map(() => [])
  for (const node of nodes) await takeTurn(node, index, postgres)
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = [...nodes.entries()]
    for (const [which, node] of round % 2 === 0 ? order : order.reverse())
      turns[which]?.push(await takeTurn(node, index, postgres))
  }
  report(nodes[0]?.loads[index]?.name ?? '', turns)
}

async function takeTurn(node: Node, index: number, postgres: DurablePostgres): Promise<Turn> {
  const pid = node.program.child.pid as number
  const measure = async () =>
    [await cpuSecondsOf(pid), await cpuSecondsOf(postgres.pid), await readWal(node.grown)] as const
  const before = await measure()
  const { finished, seconds, errors, firstError } = await load(node.port, node.loads[index]?.users ?? [], {
    seconds: SECONDS,
  })
  const after = await measure()
  if (errors > 0) throw new Error(`${errors} of ${finished} answers were wrong, the first: ${firstError}`)
  return {
    requestsPerSecond: finished / seconds,
    serverCpu: (after[0] - before[0]) / finished,
    databaseCpu: (after[1] - before[1]) / finished,
    walBytes: (after[2] - before[2]) / finished,
  }
}

/** What whole logins take, by password and with consent, each in a browser of its own. */
async function compareLogins(nodes: readonly Node[], postgres: DurablePostgres): Promise<void> {
  const turns: Turn[][] = nodes.map(() => [])
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const [which, node] of nodes.entries()) {
      const turn = await takeLogins(node, postgres)
      if (round > 0) turns[which]?.push(turn)
    }
  report('login', turns)
  const before = process.cpuUsage()
  for (let time = 0; time < 20; time += 1)
    await hashPassword('correct horse battery staple', { iterations: 100_000 })
  const { user, system } = process.cpuUsage(before)
  console.log(`of that ${((user + system) / 20).toFixed(0)} µs stretch the password, with 100,000 iterations`)
}

async function takeLogins({ grown, port, program }: Node, postgres: DurablePostgres): Promise<Turn> {
  const agent = new Agent({ keepAlive: true })
  const server = createRemoteServer(ISSUER, { port, agent })
  const clientId = await registerClient(server)
  const pid = program.child.pid as number
  const measure = async () =>
    [await cpuSecondsOf(pid), await cpuSecondsOf(postgres.pid), await readWal(grown)] as const
  const before = await measure()
  const startedAt = performance.now()
  const logIn = async () => {
    for (let time = 0; time < LOGINS / LOGINS_AT_ONCE; time += 1) await grant(server, { clientId })
  }
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, logIn))
  const seconds = (performance.now() - startedAt) / 1000
  const after = await measure()
  agent.destroy()
  return {
    requestsPerSecond: LOGINS / seconds,
    serverCpu: (after[0] - before[0]) / LOGINS,
    databaseCpu: (after[1] - before[1]) / LOGINS,
    walBytes: (after[2] - before[2]) / LOGINS,
  }
}

/** Whether PostgreSQL has got them, which it takes where the system gives them. */
async function readHugePages(grown: GrownDatabase | undefined): Promise<string | undefined> {
  const text = `select current_setting('huge_pages_status') as status`
  const rows = await grown?.database.query<{ status: string }>({ name: 'bench_huge_pages', text })
  return rows?.[0]?.status
}

async function readWal({ database }: GrownDatabase): Promise<number> {
  const text = `select pg_current_wal_insert_lsn() - '0/0' as bytes`
  return Number((await database.query<{ bytes: string }>({ name: 'bench_wal_position', text }))[0]?.bytes)
}

function report(name: string, [few = [], many = []]: readonly Turn[][]): void {
  const of = (turns: readonly Turn[], key: keyof Turn) => median(turns.map((turn) => turn[key]))
  const rates = (turns: readonly Turn[]) => {
    const sorted = turns.map((turn) => turn.requestsPerSecond).sort((a, b) => a - b)
    return `${of(turns, 'requestsPerSecond').toFixed(0)}/s (${sorted[0]?.toFixed(0)}–${sorted.at(-1)?.toFixed(0)})`
  }
  const ratio = of(many, 'requestsPerSecond') / of(few, 'requestsPerSecond')
  const ratios = many.map((turn, round) => turn.requestsPerSecond / (few[round]?.requestsPerSecond ?? 0))
  const micro = (key: 'serverCpu' | 'databaseCpu') =>
    [few, many].map((turns) => (of(turns, key) * 1e6).toFixed(0)).join(' and ')
  const wal = [few, many].map((turns) => of(turns, 'walBytes').toFixed(0)).join(' and ')
  console.log(
    `${name}: ${rates(few)} and ${rates(many)}, ${(100 * ratio).toFixed(1)}% (median of the pairs ` +
      `${(100 * median(ratios)).toFixed(1)}%); each takes ` +
      `${micro('serverCpu')} µs of the server, ${micro('databaseCpu')} µs of PostgreSQL, ${wal} bytes of WAL`,
  )
}

async function showTables(database: GrownDatabase['database'], rows: number): Promise<void> {
  const tables = await database.query<{ name: string; rows: number; table: string; indexes: string }>({
    name: 'bench_tables',
    text: `select relname as name, reltuples as rows, pg_table_size(c.oid) as table, pg_indexes_size(c.oid) as indexes
      from pg_class c where relnamespace = 'auth_agent'::regnamespace and relkind = 'r' and reltuples > 900
      order by pg_total_relation_size(c.oid) desc`,
  })
  console.log(`With ${rows.toLocaleString('en')} rows in tokens, bytes a row:`)
  for (const { name, rows, table, indexes } of tables) {
    const each = (bytes: string) => (Number(bytes) / rows).toFixed(0)
    console.log(
      `| ${name} | ${rows.toLocaleString('en')} rows | ${each(table)} | ${each(indexes)} in indexes |`,
    )
  }
}

/** The second time that each statement is run, when what the first one left behind has been cleared. */
async function explainFlows(grown: GrownDatabase | undefined): Promise<Map<string, Explained>> {
  if (grown === undefined) throw new Error('There is no database.')
  const { database, take } = explainStatements(grown.database, 'force_generic_plan')
  const shared = { database: { database, url: grown.url, drop: async () => {} } }
  const server = await createTestServer(serverOptions(), shared)
  for (const _ of [1, 2]) await runFlows(server, grown.world)
  await server.server.maintain()
  return new Map(take().map((explained) => [explained.name, explained]))
}

function showPlans(few: ReadonlyMap<string, Explained>, many: ReadonlyMap<string, Explained>): void {
  console.log('| statement | pages, few rows | pages, many | plan |')
  for (const [name, { plan }] of many) {
    const other = few.get(name)?.plan
    if (other === undefined) continue
    const isSame = shapeOf(plan) === shapeOf(other)
    const shown = isSame ? 'same' : `${shapeOf(other)} → ${shapeOf(plan)}`
    console.log(`| ${name} | ${buffersOf(other)} | ${buffersOf(plan)} | ${shown} |`)
  }
}
