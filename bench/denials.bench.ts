import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { it } from 'vitest'
import type { Queryable } from '../server/src/storage/database.ts'
import { denialStorage, type RecordedDenial } from '../server/src/storage/denials.ts'
import { createDenials } from '../server/src/tokens/denials.ts'
import { environmentOf } from '../tests/support/cluster.ts'
import { registerServer } from '../tests/support/flow.ts'
import { findFreePort, spawnMain } from '../tests/support/main_process.ts'
import { nthGrant } from '../tests/support/many_rows.ts'
import { createTestDatabase } from '../tests/support/postgres.ts'
import { createRemoteServer } from '../tests/support/remote_server.ts'
import { cpuSecondsOf, memoryOf } from './processor.ts'
import { statistics } from './statistics.ts'

const COUNTS = [10_000, 100_000, 300_000, 1_000_000]
const WAITING = Number(process.env['WAITING'] ?? 2_000)
/** As many as the server lets wait with one API key. */
const WAITING_WITH_A_KEY = 200
const SECONDS = 10
const NEWS_A_SECOND = 20

/** Denials of grants, as a node keeps them: once to look up, and once in the order in which servers are told of them. */
it('what denials take of a node', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  for (const count of COUNTS) {
    gc()
    const before = process.memoryUsage().heapUsed
    let now = Date.now()
    let next: readonly RecordedDenial[] = manyDenials(0, count)
    const readDenials = async () => {
      const denials = next
      next = []
      return { cursor: '1000', run: 'a run', isComplete: denials.length > 1, denials }
    }
    const denials = createDenials({ readDenials, recordDenial: async () => {} }, 700, () => now)
    await denials.refresh()
    gc()
    const bytes = (process.memoryUsage().heapUsed - before) / count
    const times: number[] = []
    for (let time = 0; time < 20; time += 1) {
      now += 1_000
      next = manyDenials(count + time, 1)
      const startedAt = performance.now()
      await denials.refresh()
      times.push(performance.now() - startedAt)
    }
    console.log(
      `${count.toLocaleString('en')} denials: ${bytes.toFixed(0)} bytes each; one more takes ${statistics(times, 'ms')}`,
    )
  }
})

function manyDenials(from: number, count: number): RecordedDenial[] {
  return Array.from({ length: count }, (_, index) => ({
    id: String(from + index + 1),
    transaction_id: String(1_000 + from + index),
    organization_id: 'org_root',
    kind: 'grant' as const,
    subject: nthGrant(from + index),
    server_id: 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4',
    cutoff: null,
    expires_at: new Date(Date.now() + 3_900_000),
  }))
}

/** As a node does when it starts, or has not asked for half a minute. */
it('how long a node takes to read all denials', async () => {
  const test = await createTestDatabase()
  const database = connectPostgres(test.url, { patienceMs: 60_000 })
  let stored = 0
  for (const count of COUNTS) {
    await database.runScript(
      `insert into auth_agent.denials (organization_id, kind, subject, server_id, created_at, expires_at)
       select 'org_root', 'grant', 'grt_' || substr(md5(n::text), 1, 26), 'srv_k3vqk5yw2c7m4d6r5t2a7xj3n4', now(),
         now() + interval '1 day' from generate_series(${stored + 1}, ${count}) n`,
    )
    stored = count
    await database.runScript('analyze auth_agent.denials')
    const times: number[] = []
    for (let time = 0; time < 5; time += 1) {
      const denials = createDenials(denialStorage(database), 700, Date.now)
      const startedAt = performance.now()
      // Who asks meanwhile is told to come again after four seconds; the reading goes on.
      while (denials.size < count) await denials.readAgain(0).catch(() => {})
      times.push(performance.now() - startedAt)
    }
    console.log(`${count.toLocaleString('en')} denials are read: ${statistics(times, 'ms')}`)
  }
  await database.close()
  await test.drop()
})

/** MCP servers that check tokens themselves each hold one question open. */
it(`what ${WAITING.toLocaleString('en')} waiting MCP servers take of a node`, async () => {
  const test = await createTestDatabase()
  const port = await findFreePort()
  const environment = environmentOf(port, `http://localhost:${port}`, test.url)
  const program = spawnMain({ ...environment, LOG_LEVEL: 'error' })
  await program.started()
  const pid = program.child.pid as number
  const agent = new Agent({ keepAlive: true, maxSockets: WAITING })
  try {
    const server = createRemoteServer(`http://localhost:${port}`, { port, agent })
    const keys: string[] = []
    for (let n = 0; n < WAITING / WAITING_WITH_A_KEY; n += 1) {
      keys.push((await registerServer(server, { server_url: `https://mcp${n}.example.com/mcp` })).key)
    }
    const before = await memoryOf(pid)
    const follower = followFeed(agent, port, keys)
    await sleep(5_000)
    const share = async () => {
      const cpu = await cpuSecondsOf(pid)
      await sleep(SECONDS * 1_000)
      return `${((100 * ((await cpuSecondsOf(pid)) - cpu)) / SECONDS).toFixed(0)}% of a core`
    }
    const bytes = ((await memoryOf(pid)) - before) / WAITING
    console.log(
      `${WAITING} questions wait: ${(bytes / 1024).toFixed(0)} KiB each; for all ${await share()} while there is no news`,
    )
    const news = setInterval(() => void denySomethingElse(test.database), 1_000 / NEWS_A_SECOND)
    console.log(`${await share()} while ${NEWS_A_SECOND} grants a second are revoked that are for others`)
    clearInterval(news)
    follower.stop()
  } finally {
    agent.destroy()
    program.child.kill('SIGTERM')
    await program.ended
    await rm(environment['DATA_DIR'] as string, { recursive: true, force: true })
    await test.drop()
  }
})

async function denySomethingElse(db: Queryable): Promise<void> {
  const subject = `grt_${randomUUID()}`
  const expires_at = new Date(Date.now() + 3_900_000)
  const denial = { organization_id: 'org_root', kind: 'grant' as const, subject, cutoff: null }
  await denialStorage(db).recordDenial({ ...denial, server_id: 'srv_another', expires_at }, new Date())
}

/** Asks again as soon as an answer comes, each with a connection of its own. */
function followFeed(agent: Agent, port: number, keys: readonly string[]): { stop(): void } {
  let isStopped = false
  const ask = (key: string, cursor: string): void => {
    if (isStopped) return
    const path = `/revocations?wait=20${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const headers = { authorization: `Bearer ${key}`, host: `localhost:${port}` }
    const asked = request({ host: '127.0.0.1', port, agent, path, headers }, async (answer) => {
      const body = Buffer.concat(await answer.toArray()).toString()
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${body}`)
      ask(key, (JSON.parse(body) as { cursor: string }).cursor)
    })
    asked.on('error', (error) => {
      if (!isStopped) throw error
    })
    asked.end()
  }
  for (const key of keys) for (let n = 0; n < WAITING_WITH_A_KEY; n += 1) ask(key, '')
  return {
    stop() {
      isStopped = true
    },
  }
}
