import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLoadBalancer } from './load_balancer.ts'
import { findFreePort as findPort, type MainProcess, spawnMain } from './main_process.ts'
import { createTestDatabase, type TestDatabase } from './postgres.ts'
import { createRemoteServer } from './remote_server.ts'
import { ADMIN_TOKEN, OWNER, type TestServer } from './server.ts'

/** One authorization server of four processes, the built program, on a database of its own. */
export interface Cluster {
  database: TestDatabase
  /** Each request reaches another process. */
  balanced: TestServer
  /** The same, where each reaches one process only. */
  nodes: readonly [TestServer, TestServer, TestServer, TestServer]
  close(): Promise<void>
}

const COUNT = 4

/** Variables beside those of {@link environmentOf}. */
type More = Readonly<Record<string, string>>

/** Both ways to be four: workers that share a port, and servers behind a load balancer. */
export const SET_UPS: readonly (readonly [string, (more?: More) => Promise<Cluster>])[] = [
  ['WORKERS=4', startFourWorkers],
  ['four servers behind a load balancer', startFourServers],
]

/** The environment of a process on a database of its own. */
export function environmentOf(port: number, issuer: string, databaseUrl: string): Record<string, string> {
  return {
    ISSUER_URL: issuer,
    PORT: String(port),
    DATABASE_URL: databaseUrl,
    DATA_DIR: join(tmpdir(), `auth-agent-cluster-${process.pid}-${port}`),
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests only',
    AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN,
    AUTH_AGENT_OWNER_EMAIL: OWNER.email,
    AUTH_AGENT_OWNER_PASSWORD: OWNER.password,
    TRUSTED_PROXIES: '127.0.0.0/8',
    PBKDF2_ITERATIONS: '100000',
  }
}

async function startFourWorkers(more: More = {}): Promise<Cluster> {
  const database = await createTestDatabase()
  const port = await findPort()
  const issuer = `http://localhost:${port}`
  const env = { ...environmentOf(port, issuer, database.url), ...more }
  const program = spawnMain({ ...env, WORKERS: String(COUNT) })
  await program.started()
  const newConnections = new Agent()
  const agents = Array.from({ length: COUNT }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const nodes = agents.map((agent) => createRemoteServer(issuer, { port, agent }))
  await checkDistinct(program, nodes)
  return {
    database,
    balanced: createRemoteServer(issuer, { port, agent: newConnections }),
    nodes: nodes as unknown as Cluster['nodes'],
    async close() {
      for (const agent of agents) agent.destroy()
      await stop([program], [env], database)
    },
  }
}

export async function startFourServers(more: More = {}): Promise<Cluster> {
  const database = await createTestDatabase()
  const balancer = await startLoadBalancer()
  const issuer = `http://localhost:${balancer.port}`
  const ports = await Promise.all(Array.from({ length: COUNT }, findPort))
  const environments = ports.map((port) => ({ ...environmentOf(port, issuer, database.url), ...more }))
  const programs = environments.map((env) => spawnMain(env))
  await Promise.all(programs.map((program) => program.started()))
  balancer.servers = ports
  const agents = [balancer.port, ...ports].map(() => new Agent({ keepAlive: true }))
  const [balanced, ...nodes] = [balancer.port, ...ports].map((port, index) =>
    createRemoteServer(issuer, { port, agent: agents[index] as Agent }),
  )
  return {
    database,
    balanced: balanced as TestServer,
    nodes: nodes as unknown as Cluster['nodes'],
    async close() {
      for (const agent of agents) agent.destroy()
      await balancer.close()
      await stop(programs, environments, database)
    },
  }
}

/** Connections are handed to workers in turns; the log says which worker answered. */
async function checkDistinct(program: MainProcess, nodes: readonly TestServer[]): Promise<void> {
  for (const [index, node] of nodes.entries()) await (await node.fetch(`/node-${index}`)).text()
  const workers = () =>
    new Set([...program.stderr().matchAll(/"worker":(\d+)[^\n]*"\/node-\d"/g)].map(([, worker]) => worker))
  const giveUpAt = performance.now() + 30_000
  while (workers().size < nodes.length) {
    if (performance.now() > giveUpAt) throw new Error(`Some answer for others: ${program.stderr()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function stop(
  programs: readonly MainProcess[],
  environments: readonly Record<string, string>[],
  database: TestDatabase,
): Promise<void> {
  for (const { child } of programs) child.kill('SIGTERM')
  await Promise.all(programs.map(({ ended }) => ended))
  for (const { DATA_DIR } of environments) await rm(DATA_DIR as string, { recursive: true, force: true })
  await database.drop()
}
