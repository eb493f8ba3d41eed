import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { readMigrations } from '../../node/src/migrations.ts'
import { clientDigest } from '../../server/src/clients/client.ts'
import type { ServerContext } from '../../server/src/context.ts'
import { createContext } from '../../server/src/create_context.ts'
import type { Database } from '../../server/src/storage/database.ts'
import { migrate } from '../../server/src/storage/migrate.ts'
import { environmentOf } from '../../tests/support/cluster.ts'
import { type FlowWorld, prepareFlows } from '../../tests/support/every_flow.ts'
import { registerClient, registerServer } from '../../tests/support/flow.ts'
import { growTables, type Sizes, storeClients } from '../../tests/support/many_rows.ts'
import { urlOfDatabase } from '../../tests/support/postgres_server.ts'
import { type RegisteredClient, registerClientByApi } from '../../tests/support/registered_client.ts'
import { createTestServer } from '../../tests/support/server.ts'

/** The databases are of this issuer, so that their tokens are the same; it is not where a server listens, but behind a proxy. */
export const ISSUER = 'https://auth.example.com'
/** Tokens that are made here live longer than any run. */
const TOKEN_SECONDS = 86_400
const CLIENTS = 100
const SERVERS = 200
const MACHINES = 32

/** A database that has been in use, and who may ask something of it. */
export interface GrownDatabase {
  url: string
  database: Database
  sizes: Sizes
  /** To make tokens as the server would. */
  context: ServerContext
  world: FlowWorld
  /** Clients that may ask for tokens in their own name. */
  machines: readonly RegisteredClient[]
  clientIds: readonly string[]
}

/** Makes the databases `grown_0`, `grown_1`… of one PostgreSQL, which differ in their sizes alone. */
export async function makeGrownDatabases(
  clusterUrl: string,
  sizes: readonly Sizes[],
): Promise<GrownDatabase[]> {
  const cluster = connectPostgres(clusterUrl, { maxConnections: 1 })
  await cluster.runScript('create database grown')
  const users = await prepareUsers(urlOfDatabase(clusterUrl, 'grown'))
  const grown: GrownDatabase[] = []
  for (const [index, size] of sizes.entries()) {
    const name = `grown_${index}`
    await cluster.runScript(`create database ${name} template grown`)
    grown.push(await grow(urlOfDatabase(clusterUrl, name), users, size))
  }
  for (const { database } of grown) await warmUp(database)
  await cluster.runScript('checkpoint')
  await cluster.close()
  return grown
}

/** Migrates an empty database and fills it. */
export async function makeGrownDatabase(url: string, sizes: Sizes): Promise<GrownDatabase> {
  return grow(url, await prepareUsers(url), sizes)
}

async function grow(url: string, users: Users, sizes: Sizes): Promise<GrownDatabase> {
  await growTables(url, sizes, Date.now())
  const database = connectPostgres(url)
  const context = await createContext({ ...serverOptions(), database, accessTokenTtl: TOKEN_SECONDS })
  return { url, database, sizes, context, ...users }
}

/** What has been in use for long is in PostgreSQL's buffers, as far as they reach; what was filled a moment ago is not. */
async function warmUp(database: Database): Promise<void> {
  await database.runScript(`create extension pg_prewarm;
    select pg_prewarm(relation::oid::regclass) from (
      select 'auth_agent.tokens'::regclass as relation
      union all select indexrelid from pg_index where indrelid = 'auth_agent.tokens'::regclass) of_tokens`)
}

/** As a server process is configured that works on the same database. */
export function serverOptions() {
  const { AUTH_AGENT_SECRET = '' } = environmentOf(0, ISSUER, '')
  return {
    issuer: ISSUER,
    secrets: [AUTH_AGENT_SECRET],
    fetchPublicUrl: () => Promise.reject(new Error('Nothing is fetched.')),
    now: Date.now,
  }
}

type Users = Pick<GrownDatabase, 'world' | 'machines' | 'clientIds'>

/** MCP servers, and who asks for tokens there. */
async function prepareUsers(url: string): Promise<Users> {
  const database = connectPostgres(url)
  await migrate(database, await readMigrations())
  const drop = () => database.close()
  const server = await createTestServer(serverOptions(), { database: { database, url, drop } })
  const mcp = await registerServer(server, { access: 'everyone' })
  for (let n = 1; n < SERVERS; n += 1) {
    await server.manage('POST', '/servers', {
      server_url: `https://mcp${n}.example.com/mcp`,
      server_name: `Server ${n}`,
      scopes: [{ name: 'files:read' }, { name: 'files:write' }],
      access: 'everyone',
    })
  }
  const world = await prepareFlows(server, mcp)
  const machines: RegisteredClient[] = []
  for (let n = 0; n < MACHINES; n += 1)
    machines.push(
      await registerClientByApi(server, {
        grant_types: ['client_credentials'],
        servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
      }),
    )
  const clientIds: string[] = []
  for (let n = 0; n < CLIENTS; n += 1)
    clientIds.push(await registerClient(server, { client_name: `Client ${n}` }))
  const rows = clientIds.map((client_id) => ({
    client_id,
    digest: clientDigest(client_id),
    organization_id: 'org_root',
    source: 'dynamic' as const,
    metadata: {},
    secret_digest: null,
  }))
  await storeClients(database, rows)
  await server.close()
  return { world, machines, clientIds: clientIds.sort() }
}
