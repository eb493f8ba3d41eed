import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findPostgresAccount } from '../../../../node/src/postgres_account.ts'
import { findFreePort } from '../../../../tests/support/main_process.ts'
import { bindToCore } from '../../../processor.ts'
import { installedFolder } from '../../installed_packages.ts'
import { OTHER_CORE } from '../../measure.ts'

const FOLDER = installedFolder('pgbouncer')
const UNPACKED = join(FOLDER, 'unpacked')
const PROGRAM = join(UNPACKED, 'usr/sbin/pgbouncer')
const LIBRARIES = join(UNPACKED, 'usr/lib/x86_64-linux-gnu')
/** Debian's, and what of it a small machine does not have. */
const PACKAGES = ['pgbouncer', 'libc-ares2', 'libevent-2.1-7']

const run = promisify(execFile)

/** Fetches PgBouncer from Debian's archive, once; nothing is installed in the system. */
export async function fetchPgBouncer(): Promise<void> {
  if (existsSync(UNPACKED)) return
  const unfinished = join(FOLDER, 'unfinished')
  await rm(FOLDER, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  await run('apt-get', ['download', ...PACKAGES], { cwd: FOLDER })
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.deb'))
  for (const file of files) await run('dpkg', ['-x', join(FOLDER, file), unfinished])
  await rename(unfinished, UNPACKED)
}

export interface PgBouncer {
  /** The same database, by way of it. */
  url: string
  close(): Promise<void>
}

/**
 * Starts a pooler in transaction mode on the core of PostgreSQL. It lets everybody in who names the role, since it is not known what the
 * platform's pooler asks of a Worker to prove itself.
 *
 * @param url of the database, with its role's password, over TCP
 */
export async function startPgBouncer(url: string): Promise<PgBouncer> {
  const { hostname, port: databasePort, username, password } = new URL(url)
  const folder = await mkdtemp(join(tmpdir(), 'auth-agent-pgbouncer-'))
  const port = await findFreePort()
  await writeFile(join(folder, 'users.txt'), `"${username}" "${decodeURIComponent(password)}"\n`)
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: 20,
    // Each request that is under way may hold five.
    max_client_conn: 1_000,
    log_connections: 0,
    log_disconnections: 0,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]\n* = host=${hostname} port=${databasePort}\n[pgbouncer]\n${lines.join('\n')}\n`,
  )
  // It refuses to run as root, and whoever it runs as reads its files.
  await chmod(folder, 0o755)
  const child = spawn(PROGRAM, ['--quiet', file], {
    cwd: '/',
    env: { LD_LIBRARY_PATH: LIBRARIES },
    stdio: 'ignore',
    ...(await findPostgresAccount()),
  })
  while (!(await isListening(port))) {
    if (hasEnded(child)) throw new Error(`PgBouncer ended: ${child.exitCode ?? child.signalCode}.`)
    await sleep(20)
  }
  await bindToCore(child.pid as number, OTHER_CORE)
  const pooled = new URL(url)
  pooled.port = String(port)
  return {
    url: pooled.href,
    async close() {
      if (!hasEnded(child)) {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const connected = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  return connected
}
