import { beforeAll, describe, expect, it } from 'vitest'
import { createEndOfTurn } from '../../node/src/end_of_turn.ts'
import { clientDigest } from '../../server/src/clients/client.ts'
import { type Database, statement } from '../../server/src/storage/database.ts'
import type { TokensRow } from '../../server/src/storage/rows.ts'
import { tokenStorage } from '../../server/src/storage/tokens.ts'
import { prepareFlows, runFlows } from '../support/every_flow.ts'
import {
  buffersOf,
  type Explained,
  explainStatements,
  nodesOf,
  shapeOf,
} from '../support/explaining_database.ts'
import { registerClient, registerServer } from '../support/flow.ts'
import { growTables, type Sizes, storeClients } from '../support/many_rows.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const FEW: Sizes = { tokens: 1_000, denials: 1_000 }
const MANY: Sizes = { tokens: 200_000, denials: 200_000 }

/** What people who run the server make: a page or a few, which it is right to read whole. Nobody makes device codes yet. */
const SMALL_TABLES = [
  'organizations',
  'mcp_servers',
  'mcp_server_keys',
  'client_server_scopes',
  'deployment',
  'signing_keys',
  'purpose_keys',
  'memberships',
  'invitations',
  'device_codes',
]

const MODES = ['force_custom_plan', 'force_generic_plan'] as const

describe('the plans of the statements of every flow', () => {
  let few: Explained[]
  let many: Explained[]
  beforeAll(async () => {
    few = await explainFlows(FEW)
    many = await explainFlows(MANY)
  }, 300_000)

  // A plan for certain values goes by where they lie among the others, and so may take another index of the same cost: what
  // holds for those is that they read no table whole. The plan for any values is what a prepared statement comes to.
  it('are the same with few rows as with many, for any values', () => {
    const forAny = (explained: readonly Explained[]) =>
      shapesOf(explained.filter(({ mode }) => mode === 'force_generic_plan'))
    expect(forAny(many)).toEqual(forAny(few))
    expect(Object.keys(forAny(many)).length).toBeGreaterThan(40)
  })

  // Two hundred times as many rows make an index a level or two deeper, and that is all that a statement may notice.
  it('touch hardly more pages, for certain values as well', () => {
    const before = pagesOf(few)
    const grown = Object.entries(pagesOf(many)).filter(
      ([name, pages]) => pages > 2 * (before[name] ?? 0) + 10,
    )
    // A node that starts reads denials from the beginning, five thousand at a time; what is cleaned depends on what has expired.
    expect(grown.filter(([name]) => !/^(expired_rows_|denials_read,)/.test(name))).toEqual([])
  })

  // By another index each node would read all of them, several times a second.
  it('read denials by their position, of which there is little news', () => {
    const indexes = many
      .filter(({ name }) => name === 'denials_read')
      .flatMap(({ plan }) => nodesOf(plan).flatMap((node) => node['Index Name'] ?? []))
    expect(new Set(indexes)).toEqual(new Set(['denials_position']))
  })

  it('read no table whole that grows', () => {
    const scanned = many.flatMap(({ name, plan }) =>
      nodesOf(plan)
        .filter((node) => node['Node Type'] === 'Seq Scan')
        .map((node) => `${name}: ${node['Relation Name']}`),
    )
    expect(scanned.filter((line) => !SMALL_TABLES.some((table) => line.endsWith(`: ${table}`)))).toEqual([])
  })
})

/** How every statement of the flows is run on a database that has been in use for long, in each mode. */
async function explainFlows(sizes: Sizes): Promise<Explained[]> {
  const server = await createTestServer()
  const mcp = await registerServer(server, { access: 'everyone' })
  await storeSomeClients(server)
  const world = await prepareFlows(server, mcp)
  await takeExactStatistics(server)
  await growTables(server.database.url, sizes, server.clock.now)
  const explained: Explained[] = []
  for (const mode of MODES) {
    const { database, take } = explainStatements(server.database.database, mode)
    const node = await createTestServer(
      {},
      { database: { ...server.database, database }, clock: server.clock },
    )
    await runFlows(node, world)
    await refreshTogether(database, server.clock.now)
    await node.server.maintain()
    explained.push(...take())
  }
  await server.close()
  return explained
}

const SOME_FAMILIES = statement<Pick<TokensRow, 'family' | 'generation' | 'client_digest'>>(
  'test_some_families',
  'select family, generation, client_digest from auth_agent.tokens order by family limit 8',
)

/** As on Node, where those go together that come at once. */
async function refreshTogether(database: Database, now: number): Promise<void> {
  const { presentRefreshToken } = tokenStorage(database, createEndOfTurn())
  const lifetimes = { raceWindow: 60, maxRacedRun: 5, refreshTokenTtl: 2_592_000, accessTokenTtl: 3_600 }
  const families = await database.query(SOME_FAMILIES)
  await Promise.all(
    families.map((family) => {
      const presented = { ...family, presented_from: null, resource: null, scopes: null }
      return presentRefreshToken(presented, lifetimes, new Date(now))
    }),
  )
}

/** Of each row instead of a sample, which would differ from run to run, and with it the choice between indexes that cost the same. */
async function takeExactStatistics({ database }: TestServer): Promise<void> {
  const name = new URL(database.url).pathname.slice(1)
  await database.database.runScript(`alter database ${name} set default_statistics_target = 10000`)
}

async function storeSomeClients(server: TestServer): Promise<void> {
  const ids: string[] = []
  for (let n = 0; n < 100; n += 1) ids.push(await registerClient(server, { client_name: `Client ${n}` }))
  await storeClients(
    server.database.database,
    ids.map((client_id) => ({
      client_id,
      digest: clientDigest(client_id),
      organization_id: 'org_root',
      source: 'dynamic',
      metadata: {},
      secret_digest: null,
    })),
  )
}

/** The most that a statement touched in each mode. */
function pagesOf(explained: readonly Explained[]): Record<string, number> {
  const pages: Record<string, number> = {}
  for (const { name, mode, plan } of explained) {
    const key = `${name}, ${mode}`
    pages[key] = Math.max(pages[key] ?? 0, buffersOf(plan))
  }
  return pages
}

function shapesOf(explained: readonly Explained[]): Record<string, string> {
  return Object.fromEntries(explained.map(({ name, mode, plan }) => [`${name}, ${mode}`, shapeOf(plan)]))
}
