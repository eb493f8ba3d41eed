import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { isAlive, readPostmaster } from '../../node/src/postgres_cluster.ts'
import { findPlace } from '../../node/src/postgres_place.ts'

const SCRIPT = fileURLToPath(new URL('embedded_process.ts', import.meta.url))

/** A process with a part in an embedded database. */
export interface EmbeddedProcess {
  url: string
  /** Begins to insert; the set grows by each id that was acknowledged. */
  insert(): Set<string>
  /** Lets it leave in good order. */
  leave(): Promise<void>
  /** `kill -9`. */
  kill(): Promise<void>
}

/** Starts a process that joins the embedded database of a DATA_DIR. Rejects with the sentence that it failed with. */
export async function startEmbeddedProcess(dataDir: string): Promise<EmbeddedProcess> {
  const child = fork(SCRIPT, [dataDir], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
  const [answer] = (await once(child, 'message')) as [{ joined?: string; failed?: string }]
  if (answer.joined === undefined) throw new Error(answer.failed)
  return {
    url: answer.joined,
    insert() {
      const acknowledged = new Set<string>()
      child.on('message', (message: { acknowledged: string }) => acknowledged.add(message.acknowledged))
      child.send('insert')
      return acknowledged
    },
    leave: () => end(child, () => child.send('leave')),
    kill: () => end(child, () => child.kill('SIGKILL')),
  }
}

/** The id of the postmaster of a DATA_DIR, if it runs. */
export async function findPostmaster(dataDir: string): Promise<number | undefined> {
  const { directory } = await findPlace(dataDir)
  const pid = (await readPostmaster(directory))?.pid
  return pid !== undefined && isAlive(pid) ? pid : undefined
}

/** The ids of all organisations in the database but the one that the schema comes with. */
export async function readOrganizations(url: string): Promise<Set<string>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client
    .query<{ id: string }>(`select id from auth_agent.organizations where id <> 'org_root'`)
    .finally(() => client.end())
  return new Set(rows.map((row) => row.id))
}

async function end(child: ChildProcess, how: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  how()
  await exit
}
