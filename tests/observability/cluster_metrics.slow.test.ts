import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { findFreePort, runMain } from '../support/main_process.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { parseScrape } from '../support/prometheus_text.ts'

const COUNT = 'auth_agent_request_duration_seconds_count'
const TOKEN = 'a-token-for-scrapes-0123456789'

beforeAll(() => build())

/** Several processes on one port. */
async function start(metrics: Record<string, string>) {
  const database = await createTestDatabase()
  onTestFinished(database.drop)
  const port = await findFreePort()
  const program = runMain({
    WORKERS: '2',
    PORT: String(port),
    DATABASE_URL: database.url,
    AUTH_AGENT_SECRET: 'a server secret of 32 bytes or more for tests',
    ...metrics,
  })
  await program.started()
  return { program, origin: `http://localhost:${port}` }
}

async function scrape(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers })
  return parseScrape(await response.text())
}

/** Over connections of their own, so that they are dealt out. */
async function ask(origin: string, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const response = await fetch(`${origin}/health`, { headers: { Connection: 'close' } })
    await response.arrayBuffer()
  }
}

describe('metrics of several processes', () => {
  it('come from one place, each with the name of its process, and add up', async () => {
    const metricsPort = await findFreePort()
    const { program, origin } = await start({ METRICS_PORT: String(metricsPort) })
    await ask(origin, 40)
    const { samples, sum } = await scrape(`http://localhost:${metricsPort}/metrics`)
    expect(sum(COUNT, { route: '/health' })).toBe(40)
    const workers = new Set(samples.map(({ labels }) => labels['worker']))
    expect(workers).toEqual(new Set(['supervisor', '1', '2']))
    for (const worker of ['1', '2']) expect(sum(COUNT, { route: '/health', worker })).toBeGreaterThan(0)
    expect(sum('process_resident_memory_bytes', { worker: 'supervisor' })).toBeGreaterThan(0)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
  })

  it('are the same from whichever worker answers on the main port', async () => {
    const { origin } = await start({ METRICS_TOKEN: TOKEN })
    await ask(origin, 20)
    const headers = { Authorization: `Bearer ${TOKEN}`, Connection: 'close' }
    for (let n = 0; n < 4; n += 1) {
      const { sum } = await scrape(`${origin}/metrics`, headers)
      expect(sum(COUNT, { route: '/health' })).toBe(20)
    }
    expect((await fetch(`${origin}/metrics`)).status).toBe(401)
  })
})
