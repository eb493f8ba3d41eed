import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { isAlive } from '../../node/src/postgres_cluster.ts'
import { startWorkers } from '../../node/src/workers.ts'
import { main as build } from '../../scripts/build.ts'
import { environmentOf } from '../support/cluster.ts'
import { findFreePort } from '../support/main_process.ts'
import { createTestDatabase } from '../support/postgres.ts'

vi.setConfig({ testTimeout: 120_000 })

const MAIN = fileURLToPath(new URL('../../dist/node/main.js', import.meta.url))

interface Line {
  message: string
  workerPid?: number
  workerPids?: number[]
}

beforeAll(() => build())

/** Workers of this process, which are watched closely. */
async function start(count: number) {
  const database = await createTestDatabase()
  onTestFinished(database.drop)
  const port = await findFreePort()
  const env = environmentOf(port, `http://localhost:${port}`, database.url)
  for (const [name, value] of Object.entries({ ...env, LOG_LEVEL: 'silent' })) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  cluster.setupPrimary({ exec: MAIN, args: [], execArgv: [], silent: true })
  const lines: Line[] = []
  const note = (fields: object, message: string) => void lines.push({ ...fields, message })
  const log = { debug: note, info: note, warn: note, error: note }
  // Longer than a worker takes to start, on a machine with much else to do.
  const watch = { intervalMs: 100, turns: 100 }
  const workers = await startWorkers({ count, inboxSecret: undefined, log, watch })
  onTestFinished(workers.stop)
  const find = (message: string) => lines.filter((line) => line.message === message)
  return { find, pids: find('The workers have started.')[0]?.workerPids ?? [], port }
}

it('a worker that hangs is killed, and another one started', async () => {
  const { find, pids, port } = await start(2)
  const [hung = 0, other = 0] = pids
  process.kill(hung, 'SIGSTOP')
  await expect.poll(() => find('A worker has started.'), { timeout: 60_000 }).toHaveLength(1)
  expect(find('A worker does not answer, and is killed.')).toMatchObject([{ workerPid: hung }])
  expect(find('A worker has ended unasked.')).toMatchObject([{ workerPid: hung, signal: 'SIGKILL' }])
  expect([isAlive(hung), isAlive(other)]).toEqual([false, true])
  for (let n = 0; n < 4; n += 1) {
    const headers = { Connection: 'close' }
    expect((await fetch(`http://localhost:${port}/health`, { headers })).status).toBe(200)
  }
})
