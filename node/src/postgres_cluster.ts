import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './postgres_account.ts'
import { type PostgresBinaries, programPath } from './postgres_binaries.ts'

/** One PostgreSQL cluster on this machine. */
export interface Cluster {
  binaries: PostgresBinaries
  /** Its data directory. */
  directory: string
  /** Whom it runs as; undefined: as we do. */
  account: Account | undefined
  /** False in tests only: commits are not flushed to the disk. */
  durable: boolean
}

/** Where a running cluster listens: a folder with its socket, or a port on 127.0.0.1. */
export type Listening = { socketDirectory: string } | { port: number }

/** What PostgreSQL itself notes in `postmaster.pid`. */
export interface Postmaster {
  pid: number
  listening: Listening
  ready: boolean
}

/** The name of every cluster's superuser. */
const SUPERUSER = 'postgres'
/** Each costs a few kilobytes of shared memory while nobody uses it. */
export const MAX_CONNECTIONS = 200

/** The role that the migrations make for the server. */
export const SERVER_ROLE = 'auth_agent_server'

/**
 * Makes the cluster, with a password for the superuser, unless it is there. It is made beside its place and
 * moved there whole: a start that is killed leaves nothing half-made, and of two first starts one wins.
 */
export async function initCluster(cluster: Cluster, password: string): Promise<void> {
  if (await readMajorVersion(cluster.directory)) return
  const parent = dirname(cluster.directory)
  const draft = `${cluster.directory}.${process.pid}.${randomBytes(4).toString('hex')}`
  const passwordFile = `${draft}.password`
  try {
    await mkdir(draft, { mode: 0o700 })
    await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' })
    if (cluster.account) {
      await chown(draft, cluster.account.uid, cluster.account.gid)
      await chown(passwordFile, cluster.account.uid, cluster.account.gid)
    }
    await runInitdb(cluster, draft, passwordFile)
    await rename(draft, cluster.directory).catch(async (error: unknown) => {
      if (!(await readMajorVersion(cluster.directory))) throw error
    })
    if (cluster.durable) await flushDirectory(parent)
  } finally {
    await rm(passwordFile, { force: true })
    await rm(draft, { recursive: true, force: true })
  }
}

/** The major version that a data directory was made by, or undefined where there is no cluster. */
export async function readMajorVersion(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'PG_VERSION'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

/** Another PostgreSQL has the directory, or something of one that was killed lingers. */
export class PostmasterConflict extends Error {
  override readonly name = 'PostmasterConflict'
}

/**
 * Starts PostgreSQL in a process group and session of its own, so that Ctrl-C in our terminal does not reach
 * it, and waits until it takes connections. Rejects with the end of its log when it stops instead, as a `PostmasterConflict` where it
 * was not alone.
 */
export async function startPostgres(cluster: Cluster, listening: Listening, logFile: string): Promise<void> {
  const log = await open(logFile, 'a', 0o600)
  try {
    if ((await log.stat()).size > 2 ** 20) await log.truncate()
    const { size } = await log.stat()
    const child = spawn(programPath(cluster.binaries, 'postgres'), serverArguments(cluster, listening), {
      ...spawnOptions(cluster.account),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    await untilReady(child, cluster.directory).catch(async (error: unknown) => {
      const text = (await readFile(logFile, 'utf8')).slice(size)
      const conflict = conflictOf(text, child.pid)
      const reason = conflict ?? (lastLines(text) || describe(error))
      const Failure = conflict === undefined ? Error : PostmasterConflict
      throw new Failure(`The embedded PostgreSQL did not start: ${reason}`, { cause: error })
    })
    child.unref()
  } finally {
    await log.close()
  }
}

/** Stops a running cluster ("fast": sessions end, what was committed stays) and waits until it is gone. */
export async function stopPostgres(directory: string): Promise<void> {
  const postmaster = await readPostmaster(directory)
  if (!postmaster || !isAlive(postmaster.pid)) return
  process.kill(postmaster.pid, 'SIGINT')
  for (let waited = 0; waited < 30_000 && isAlive(postmaster.pid); waited += 10) await sleep(10)
}

/** Reads `postmaster.pid`; undefined where there is none or it is being written. */
export async function readPostmaster(directory: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , port, socketDirectory, , , status] = text.split('\n').map((line) => line.trim())
  if (!pid || !port || socketDirectory === undefined) return undefined
  const listening = socketDirectory === '' ? { port: Number(port) } : { socketDirectory }
  return { pid: Number(pid), listening, ready: status === 'ready' }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Whether the process that `postmaster.pid` names is a PostgreSQL of this directory, not one that got its id later. */
export async function isOwnPostmaster(pid: number, directory: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => directory)
  return commandLine.includes(directory)
}

/** Removes the `postmaster.pid` of a cluster that died, whose process id another process has now. */
export async function removePostmasterFile(directory: string, pid: number): Promise<void> {
  if ((await readPostmaster(directory))?.pid === pid)
    await rm(join(directory, 'postmaster.pid'), { force: true })
}

/** A connection URL for the superuser. Not to be logged: it bears the password. */
export function clusterUrl(listening: Listening, password: string, database = 'postgres'): string {
  const credentials = `${SUPERUSER}:${encodeURIComponent(password)}`
  return 'port' in listening
    ? `postgres://${credentials}@127.0.0.1:${listening.port}/${database}`
    : `postgres://${credentials}@localhost/${database}?host=${encodeURIComponent(listening.socketDirectory)}`
}

async function runInitdb(cluster: Cluster, directory: string, passwordFile: string): Promise<void> {
  const locale =
    cluster.binaries.major >= 17 ? ['--locale-provider=builtin', '--locale=C.UTF-8'] : ['--locale=C']
  const child = spawn(
    programPath(cluster.binaries, 'initdb'),
    [
      `--pgdata=${directory}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      ...locale,
      '--no-instructions',
      ...(cluster.durable ? [] : ['--no-sync']),
    ],
    // Ctrl-C in our terminal lets it finish; we stop after that.
    { ...spawnOptions(cluster.account), detached: true, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const code = await exitOf(child)
  if (code !== 0)
    throw new Error(
      `The embedded PostgreSQL could not make its data directory: ${lastLines(complaints) || code}`,
    )
}

/** Settings go on the command line, so that a newer version of ours changes them for older clusters too. */
function serverArguments(cluster: Cluster, listening: Listening): string[] {
  const settings: Record<string, string> = {
    listen_addresses: 'port' in listening ? '127.0.0.1' : '',
    unix_socket_directories: 'port' in listening ? '' : listening.socketDirectory,
    unix_socket_permissions: '0700',
    port: 'port' in listening ? String(listening.port) : '5432',
    shared_buffers: '32MB',
    maintenance_work_mem: '32MB',
    max_wal_size: '256MB',
    max_connections: String(MAX_CONNECTIONS),
    max_wal_senders: '0',
    wal_level: 'minimal',
    max_logical_replication_workers: '0',
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    // An error of a statement is ours to log; the cluster's log is about the cluster.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    fsync: cluster.durable ? 'on' : 'off',
    synchronous_commit: cluster.durable ? 'on' : 'off',
    full_page_writes: cluster.durable ? 'on' : 'off',
    ...(cluster.binaries.major >= 18 ? { io_method: 'sync' } : {}),
  }
  return [
    '-D',
    cluster.directory,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

/** Nothing of our environment but what a program needs: PGDATA and its like would lead PostgreSQL astray. */
function spawnOptions(account: Account | undefined) {
  const { PATH, LD_LIBRARY_PATH, SystemRoot, TEMP } = process.env
  const env = Object.fromEntries(
    Object.entries({ PATH, LD_LIBRARY_PATH, SystemRoot, TEMP, LC_ALL: 'C' }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  return { cwd: process.platform === 'win32' ? undefined : '/', env, windowsHide: true, ...account }
}

async function untilReady(child: ChildProcess, directory: string): Promise<void> {
  let exit: number | Error | undefined
  exitOf(child).then(
    (code) => {
      exit = code
    },
    (error: Error) => {
      exit = error
    },
  )
  for (let waited = 0; waited < 60_000; waited += 10) {
    if (exit instanceof Error) throw exit
    if (exit !== undefined) throw new Error(`it stopped with status ${exit}`)
    const postmaster = await readPostmaster(directory)
    if (postmaster?.pid === child.pid && postmaster?.ready) return
    await sleep(10)
  }
  throw new Error('it was not ready after a minute')
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? -1))
  })
}

async function flushDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}

/** What a postmaster says of another one, which writes to the same log and may have written more since. */
function conflictOf(text: string, pid: number | undefined): string | undefined {
  return text
    .split('\n')
    .find((line) => line.includes(` [${pid}] `) && /lock file|shared memory block/.test(line))
}

function lastLines(text: string): string {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .slice(-3)
    .join(' | ')
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
