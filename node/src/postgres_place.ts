import { createHash } from 'node:crypto'
import {
  chmod,
  chown,
  cp,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Account, findPostgresAccount, isReachable } from './postgres_account.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres_binaries.ts'
import { type Cluster, type Listening, readPostmaster } from './postgres_cluster.ts'

/** Where root keeps a cluster that its account could not reach in DATA_DIR. */
const SHARED_FOLDER = '/var/lib/auth-agent'

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the closing zero among them. */
const LONGEST_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107

/** Notes in DATA_DIR where the cluster is, if it is elsewhere. */
const PLACE_FILE = 'postgres.place'

/**
 * Decides where the cluster of a DATA_DIR is and whom it runs as. Normally it is in DATA_DIR and runs as we do.
 * PostgreSQL refuses to run as root; then it gets an account of its own, and where that one cannot reach DATA_DIR
 * or the programs (a clone in /root, say), both move below /var/lib.
 */
export async function findPlace(dataDir: string): Promise<Cluster> {
  const recorded = await readFile(join(dataDir, PLACE_FILE), 'utf8').catch(() => undefined)
  const directory = recorded?.trim() ?? join(dataDir, 'postgres')
  if (recorded !== undefined && !(await exists(directory)))
    throw new Error(
      `The database of ${dataDir} is in ${directory}, which is gone: restore it, or remove ${join(dataDir, PLACE_FILE)} to begin with an empty one.`,
    )
  const binaries = await findPostgresBinaries()
  const account = await findPostgresAccount(directory)
  if (!account) return { binaries, account, directory, durable: true }
  const place = recorded === undefined ? await placeFor(dataDir, account) : directory
  return { binaries: await reachableBinaries(binaries, account), account, directory: place, durable: true }
}

/** Notes where the cluster is, once it exists there. */
export async function recordPlace(dataDir: string, { directory }: Cluster): Promise<void> {
  if (directory !== join(dataDir, 'postgres'))
    await writeFile(join(dataDir, PLACE_FILE), `${directory}\n`, { mode: 0o600 })
}

/**
 * Where a cluster that is about to start will listen: a socket in its own folder, which nobody else may enter;
 * in a folder of its own where that path is too long; on Windows a port. What was chosen last is kept, as
 * other processes may hold its URL.
 */
export async function chooseListening(cluster: Cluster): Promise<Listening> {
  const last = (await readPostmaster(cluster.directory))?.listening ?? (await readLastListening(cluster))
  if (process.platform === 'win32')
    return { port: await findFreePort(last && 'port' in last ? last.port : 0) }
  if (Buffer.byteLength(join(cluster.directory, '.s.PGSQL.5432')) <= LONGEST_SOCKET_PATH)
    return { socketDirectory: cluster.directory }
  if (last && 'socketDirectory' in last && (await isOwn(last.socketDirectory, cluster.account))) return last
  const socketDirectory = await mkdtemp(join(tmpdir(), 'auth-agent-'))
  if (cluster.account) await chown(socketDirectory, cluster.account.uid, cluster.account.gid)
  await writeFile(lastListeningFile(cluster), socketDirectory, { mode: 0o600 })
  return { socketDirectory }
}

async function placeFor(dataDir: string, account: Account): Promise<string> {
  if (await isReachable(dirname(dataDir), account)) {
    await letPass(dataDir, account)
    return join(dataDir, 'postgres')
  }
  const name = createHash('sha256')
    .update(await realpath(dataDir))
    .digest('hex')
    .slice(0, 16)
  const folder = join(SHARED_FOLDER, name)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  await letPass(folder, account)
  return join(folder, 'postgres')
}

/** The folder stays ours, and the account may pass through it, but neither list nor change it. */
async function letPass(folder: string, account: Account): Promise<void> {
  const { uid } = await stat(folder)
  if (uid === account.uid) return
  await chown(folder, 0, account.gid)
  await chmod(folder, 0o710)
}

/** Copies the programs to where the account can run them, unless it can where they are. */
async function reachableBinaries(binaries: PostgresBinaries, account: Account): Promise<PostgresBinaries> {
  if (await isReachable(join(binaries.root, 'bin'), account)) return binaries
  const root = join(SHARED_FOLDER, `postgresql-${binaries.version}`)
  if (await exists(root)) return { ...binaries, root }
  await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 })
  const draft = await mkdtemp(`${root}.`)
  try {
    await copyTree(binaries.root, draft)
    await chmod(draft, 0o755)
    await rename(draft, root).catch(async (error: unknown) => {
      if (!(await exists(root))) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return { ...binaries, root }
}

/** Links where the file system is the same, which takes no time and no room, and copies where it is not. */
async function copyTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name)
    const target = join(to, entry.name)
    if (entry.isDirectory()) {
      await mkdir(target, { mode: 0o755 })
      await copyTree(source, target)
    } else {
      await link(source, target).catch(() => cp(source, target, { verbatimSymlinks: true }))
    }
  }
}

function lastListeningFile({ directory }: Cluster): string {
  return `${directory}.socket`
}

async function readLastListening(cluster: Cluster): Promise<Listening | undefined> {
  const text = await readFile(lastListeningFile(cluster), 'utf8').catch(() => '')
  return text === '' ? undefined : { socketDirectory: text }
}

/** Whether a folder is there, belongs to the account and lets nobody else in; /tmp is everybody's. */
async function isOwn(folder: string, account: Account | undefined): Promise<boolean> {
  const info = await stat(folder).catch(() => undefined)
  return (
    info?.isDirectory() === true &&
    info.uid === (account?.uid ?? process.getuid?.()) &&
    (info.mode & 0o077) === 0
  )
}

function findFreePort(wished: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', () =>
      wished === 0 ? reject(new Error('There is no free port.')) : resolve(findFreePort(0)),
    )
    probe.listen(wished, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
