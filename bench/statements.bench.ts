import { it } from 'vitest'
import type { Database, Queryable } from '../server/src/storage/database.ts'
import { prepareFlows, runFlows } from '../tests/support/every_flow.ts'
import {
  type Explained,
  explainStatements,
  nodesOf,
  type PlanNode,
} from '../tests/support/explaining_database.ts'
import { registerServer } from '../tests/support/flow.ts'
import { createTestServer, type TestServer } from '../tests/support/server.ts'
import { median } from './statistics.ts'

const TIMES = Number(process.env['TIMES'] ?? 15)

/** What one request had the database do. */
interface Work {
  statements: string[]
  transactions: number
  /** The driver sends each statement by itself; a transaction has two more, its begin and its commit. */
  roundTrips: number
  walBytes: number
}

/**
 * What each request of a login, and of what comes after it, has the database do. WAL without images of whole pages,
 * of which there is one for each page that is changed for the first time after a checkpoint.
 */
it('what a request has the database do', async () => {
  const server = await createTestServer()
  const world = await prepareFlows(server, await registerServer(server))
  const { database } = server.database
  const referenced = await findReferencedTables(database)

  const { database: explaining, take } = explainStatements(database, 'force_generic_plan')
  const facts = new Map<string, Explained[]>()
  const explained = await anotherNode(server, explaining)
  take()
  await runFlows(
    eachRequest(explained, async (name) => void facts.set(name, take())),
    world,
  )

  const works = new Map<string, Work[]>()
  for (let time = 0; time < TIMES; time += 1) {
    const tally = tallyWork(database)
    const node = await anotherNode(server, tally.database)
    await tally.take()
    const note = async (name: string) =>
      void works.set(name, [...(works.get(name) ?? []), await tally.take()])
    await runFlows(eachRequest(node, note), world)
  }
  console.log(
    '| request | statements | round trips | rows read | rows written | WAL | locks |\n|---|---|---|---|---|---|---|',
  )
  for (const [name, work] of works) console.log(describeRow(name, work, facts.get(name) ?? [], referenced))
  for (const [name, [work]] of works) console.log(`${name}: ${work?.statements.join(', ')}`)
  await server.close()
})

function anotherNode(server: TestServer, database: Database): Promise<TestServer> {
  return createTestServer({}, { database: { ...server.database, database }, clock: server.clock })
}

/** Says after each request what was asked, and how it was answered. */
function eachRequest(server: TestServer, note: (name: string) => Promise<void>): TestServer {
  const counts = new Map<string, number>()
  return {
    ...server,
    async fetch(path, init, info) {
      const answer = await server.fetch(path, init, info)
      const name = nameOf(path, init, answer)
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      await note(count === 1 ? name : `${name}, ${count === 2 ? 'again' : `time ${count}`}`)
      return answer
    },
  }
}

function nameOf(path: string, init: RequestInit | undefined, answer: Response): string {
  const { pathname } = new URL(path, 'http://localhost')
  const parameters = init?.body instanceof URLSearchParams ? init.body : new URLSearchParams()
  const location = answer.headers.get('Location')
  const headers = new Headers(init?.headers)
  const words = [
    parameters.get('grant_type'),
    parameters.has('resource') ? 'with resource' : undefined,
    parameters.get('token')?.startsWith('rt_') ? 'a refresh token' : undefined,
    pathname === '/revoke' && headers.get('Authorization')?.startsWith('Bearer')
      ? 'by an API key'
      : undefined,
    pathname === '/authorize' ? outcomeOf(location) : undefined,
  ].filter((word) => word !== undefined && word !== null)
  return `${init?.method ?? 'GET'} ${pathname}${words.length > 0 ? `: ${words.join(', ')}` : ''}`
}

function outcomeOf(location: string | null): string {
  if (location === null) return 'asks for consent'
  return location.includes('/sign-in') ? 'nobody is signed in' : 'approved before'
}

function tallyWork(database: Database): { database: Database; take(): Promise<Work> } {
  let statements: string[] = []
  let transactions = 0
  let roundTrips = 0
  let lsn = '0/0'
  const counting = (db: Queryable): Queryable => ({
    query(statement, values) {
      statements.push(statement.name)
      roundTrips += 1
      return db.query(statement, values)
    },
    runScript: (sql) => db.runScript(sql),
  })
  return {
    database: {
      ...counting(database),
      query(statement, values) {
        transactions += 1
        return counting(database).query(statement, values)
      },
      transaction(work) {
        transactions += 1
        roundTrips += 2
        return database.transaction((tx) => work(counting(tx)))
      },
      close: () => database.close(),
    },
    async take() {
      const [row] = await database.query<{ lsn: string; bytes: string }>(
        {
          name: 'bench_wal',
          text: 'select lsn::text, lsn - $1::pg_lsn as bytes from pg_current_wal_insert_lsn() lsn',
        },
        [lsn],
      )
      const work = { statements, transactions, roundTrips, walBytes: Number(row?.bytes) }
      lsn = row?.lsn ?? lsn
      statements = []
      transactions = 0
      roundTrips = 0
      return work
    },
  }
}

function describeRow(
  name: string,
  work: readonly Work[],
  explained: readonly Explained[],
  referenced: ReadonlyMap<string, string>,
): string {
  const [first] = work
  const nodes = explained.flatMap(({ plan }) => nodesOf(plan))
  const read = nodes.filter((node) => 'Relation Name' in node && / Scan$/.test(node['Node Type'])).map(rowsOf)
  const writes = nodes.filter(({ Operation: operation }) => operation !== undefined)
  const written = writes.map(rowsWritten)
  const cells = [
    name,
    first?.statements.length,
    first?.roundTrips,
    sum(read),
    sum(written),
    median(work.map(({ walBytes }) => walBytes)).toFixed(0),
    describeLocks(writes, nodes, explained, referenced),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Rows that are written are locked until the commit; rows that foreign keys name are locked against removal only. */
function describeLocks(
  writes: readonly PlanNode[],
  nodes: readonly PlanNode[],
  explained: readonly Explained[],
  referenced: ReadonlyMap<string, string>,
): string {
  const changed = writes.filter((node) => node.Operation !== 'Insert' && rowsWritten(node) > 0)
  const locked = nodes
    .filter((node) => node['Node Type'] === 'LockRows' && node['Actual Rows'] > 0)
    .map(firstTable)
  const named = explained.flatMap(({ foreignKeys }) => foreignKeys.map((key) => referenced.get(key) ?? key))
  return [
    ...new Set(changed.map((node) => `${node.Operation?.toLowerCase()} ${node['Relation Name']}`)),
    ...new Set(locked.map((table) => `lock ${table}`)),
    ...(named.length > 0 ? [`key share ${[...new Set(named)].join(', ')}`] : []),
  ].join('; ')
}

/** The one that a join begins with, which is the one that is locked. */
function firstTable(node: PlanNode): string | undefined {
  if (node['Relation Name'] !== undefined) return node['Relation Name']
  const outer = node.Plans?.find((child) => child['Parent Relationship'] === 'Outer')
  return outer && firstTable(outer)
}

function rowsOf(node: PlanNode): number {
  return node['Actual Rows'] * node['Actual Loops']
}

/** What comes into a node that writes; what comes out of it are the rows that it returns. */
function rowsWritten(node: PlanNode): number {
  const source = node.Plans?.find((child) => child['Parent Relationship'] === 'Outer')
  return source === undefined ? 0 : rowsOf(source)
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0)
}

async function findReferencedTables(database: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await database.query<{ name: string; table: string }>({
    name: 'bench_foreign_keys',
    text: `select conname as name, c.relname as table from pg_constraint f join pg_class c on c.oid = f.confrelid where contype = 'f'`,
  })
  return new Map(rows.map((row) => [row.name, row.table]))
}
