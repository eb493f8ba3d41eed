import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { silentLog } from '@auth-agent/server/log'
import { readOrCreateSecret } from '../../../node/src/data_directory.ts'
import { joinEmbeddedDatabase } from '../../../node/src/embedded_database.ts'
import { readMigrations } from '../../../node/src/migrations.ts'
import { clusterUrl, readPostmaster, SERVER_ROLE } from '../../../node/src/postgres_cluster.ts'
import { findPlace } from '../../../node/src/postgres_place.ts'
import { environmentOf } from '../../../tests/support/cluster.ts'
import { findFreePort } from '../../../tests/support/main_process.ts'
import { WORKERD, writeConfiguration } from '../../../tests/workers/bare_workerd.ts'
import { bindToCore } from '../../processor.ts'
import { type GrownDatabase, ISSUER, makeGrownDatabase } from '../../scale/grown_database.ts'
import { OTHER_CORE, SERVER_CORE } from '../measure.ts'
import { type ProcessOptions, startProcess } from '../running_process.ts'
import { type StartOptions, type Subject, type SubjectDescription, WORKS } from '../subject.ts'
import { authorizing, givePasswords, signingIn } from './auth_agent/people.ts'
import { fetchPgBouncer, type PgBouncer, startPgBouncer } from './auth_agent/pgbouncer.ts'
import { makePlainUsers } from './auth_agent/users.ts'

const MAIN = fileURLToPath(new URL('../../../dist/node/main.js', import.meta.url))

export interface AuthAgentOptions {
  name: string
  /** In `tokens`; the others have as many as belong to these. */
  rows: number
  /** For Node itself. */
  nodeArgs?: readonly string[]
  /** As the environment has them, beside those that every benchmark needs. */
  variables?: Readonly<Record<string, string>>
}

/** Our server on Node, as `npm start` runs it, behind a proxy that ends TLS. */
export function authAgent({
  name,
  rows,
  nodeArgs = [],
  variables = {},
}: AuthAgentOptions): SubjectDescription {
  return {
    name,
    works: WORKS,
    start: (options) =>
      start(rows, ITERATIONS.node, options, (environment, folder) => ({
        command: process.execPath,
        args: [...nodeArgs, MAIN],
        environment: { ...environment, DATA_DIR: folder, ...variables },
      })),
  }
}

/** The same, as many processes as there are cores; they share one with PostgreSQL and whoever asks. */
export function authAgentOnBothCores(options: Pick<AuthAgentOptions, 'name' | 'rows'>): SubjectDescription {
  const cores = [SERVER_CORE, OTHER_CORE]
  const alone = authAgent({ ...options, variables: { WORKERS: String(cores.length) } })
  return { ...alone, usesBothCores: true, start: (how) => alone.start({ ...how, core: cores }) }
}

/** The same without a DATABASE_URL, on the PostgreSQL that it brings; that has the core of the others' PostgreSQL. */
export function authAgentOnEmbedded({
  name,
  rows,
}: Pick<AuthAgentOptions, 'name' | 'rows'>): SubjectDescription {
  return {
    name,
    works: WORKS,
    async start(options) {
      const dataDir = await mkdtemp(join(tmpdir(), 'auth-agent-comparison-'))
      const { owner, pid, leave } = await startEmbedded(dataDir)
      const subject = await start(
        rows,
        ITERATIONS.node,
        { ...options, databaseUrl: owner },
        (environment) => {
          const { DATABASE_URL: _, ...others } = environment
          return {
            command: process.execPath,
            args: [MAIN],
            environment: { ...others, DATA_DIR: dataDir },
          }
        },
      )
      return {
        ...subject,
        databasePid: pid,
        async close() {
          await subject.close()
          await leave()
          await rm(dataDir, { recursive: true, force: true })
        },
      }
    },
  }
}

/** Joins it before the server does, which finds it running; it stops with the last who leaves. */
async function startEmbedded(dataDir: string) {
  const { leave } = await joinEmbeddedDatabase({
    dataDir,
    migrations: await readMigrations(),
    log: silentLog,
  })
  const { directory } = await findPlace(dataDir)
  const postmaster = await readPostmaster(directory)
  if (postmaster === undefined) throw new Error(`No PostgreSQL runs in ${directory}.`)
  await bindToCore(postmaster.pid, OTHER_CORE)
  const password = await readOrCreateSecret(join(dataDir, 'postgres.password'))
  return { owner: clusterUrl(postmaster.listening, password), pid: postmaster.pid, leave }
}

/** The same in workerd, as it runs at Cloudflare, with PgBouncer where Hyperdrive would be. */
export function authAgentInWorkerd({
  name,
  rows,
}: Pick<AuthAgentOptions, 'name' | 'rows'>): SubjectDescription {
  return {
    name,
    works: WORKS,
    prepare: fetchPgBouncer,
    async start(options) {
      let pooler: PgBouncer | undefined
      const subject = await start(rows, ITERATIONS.workerd, options, async (environment, folder) => {
        const { DATABASE_URL = '', PORT, ...others } = environment
        pooler = await startPgBouncer(DATABASE_URL)
        // The rest means nothing there, and is refused.
        const variables = Object.fromEntries(ON_WORKERS.map((name) => [name, others[name] ?? '']))
        const file = await writeConfiguration(folder, Number(PORT), pooler.url, variables)
        return { command: WORKERD, args: ['serve', file] }
      }).catch(async (error: unknown) => {
        await pooler?.close()
        throw error
      })
      return {
        ...subject,
        async close() {
          await subject.close()
          await pooler?.close()
        },
      }
    },
  }
}

const ON_WORKERS = ['ISSUER_URL', 'AUTH_AGENT_SECRET', 'PBKDF2_ITERATIONS', 'LOG_LEVEL']

/** How often each stretches a new password by itself; Cloudflare allows no more. */
const ITERATIONS = { node: 600_000, workerd: 100_000 } as const

type Program = Pick<ProcessOptions, 'command' | 'args' | 'environment'>

async function start(
  rows: number,
  iterations: number,
  { databaseUrl, core }: StartOptions,
  describe: (environment: Record<string, string>, folder: string) => Program | Promise<Program>,
): Promise<Subject> {
  const grown = await makeGrownDatabase(databaseUrl, { tokens: rows, denials: Math.max(100, rows / 1_000) })
  const port = await findFreePort()
  const folder = await mkdtemp(join(tmpdir(), 'auth-agent-comparison-'))
  const environment = {
    ...environmentOf(port, ISSUER, await urlOfServerRole(grown)),
    PBKDF2_ITERATIONS: String(iterations),
    // The others say as little.
    LOG_LEVEL: 'warn',
  }
  const program = await describe(environment, folder)
  const running = await startProcess({ ...program, core, readyUrl: `http://127.0.0.1:${port}/ready` })
  return {
    ...running,
    port,
    async users(work, count) {
      if (work !== 'authorization' && work !== 'password sign-in') return makePlainUsers(grown, work, count)
      await givePasswords(grown, count, iterations)
      const people = Array.from({ length: count }, (_, person) => person)
      return work === 'password sign-in'
        ? people.map(signingIn)
        : Promise.all(people.map((person) => authorizing(grown, person, port)))
    },
    async close() {
      await running.stop()
      await grown.database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The role that the migrations made for the server, bound by row level security, as DEPLOYMENT.md has it sign in. */
async function urlOfServerRole({ database, url }: GrownDatabase): Promise<string> {
  const asRole = new URL(url)
  asRole.username = SERVER_ROLE
  // Roles belong to the whole PostgreSQL, so those of several databases share it. Of the embedded one it is the superuser's.
  if (asRole.password === '') asRole.password = 'password-of-one-benchmark'
  await database.runScript(
    `alter role ${SERVER_ROLE} login password '${decodeURIComponent(asRole.password)}'`,
  )
  return asRole.href
}
