import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { environmentOf } from '../support/cluster.ts'
import { type Granted, grant, type RegisteredServer, registerServer } from '../support/flow.ts'
import { countLines, findWorkerPids, waitForWorkers } from '../support/log_lines.ts'
import { findFreePort, type MainProcess, spawnMain } from '../support/main_process.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { type Client, createClient, type Outcome } from './client.ts'

vi.setConfig({ testTimeout: 180_000 })

const CLIENTS = 8

let database: TestDatabase
let env: Record<string, string>
let port: number
let program: MainProcess
let mcp: RegisteredServer
let granted: Granted[]

beforeAll(() => build())
beforeEach(async () => {
  database = await createTestDatabase()
  port = await findFreePort()
  env = { ...environmentOf(port, `http://localhost:${port}`, database.url), WORKERS: '3' }
  program = spawnMain(env)
  await program.started()
  const agent = new Agent({ keepAlive: true })
  const server = createRemoteServer(`http://localhost:${port}`, { port, agent })
  mcp = await registerServer(server)
  granted = []
  for (let count = 0; count < CLIENTS; count += 1) granted.push(await grant(server))
  agent.destroy()
})
afterEach(async () => {
  program.child.kill('SIGTERM')
  await program.ended
  await rm(env['DATA_DIR'] as string, { recursive: true, force: true })
  await database.drop()
})

/** What the clients were answered. */
interface Work {
  outcomes: Outcome[]
  /** Answers that are not right, in words. */
  wrong: string[]
  /** What monitors were answered, on a connection of their own each time. */
  probes: Outcome[]
}

/**
 * Refreshes, introspects what came, and reads the key set, again and again, as through a load balancer: who is asked to
 * leave comes back only when the node says that it is ready.
 */
async function work(client: Client, { clientId, tokens }: Granted, isOver: () => boolean): Promise<Work> {
  const done: Work = { outcomes: [], wrong: [], probes: [] }
  let refreshToken = tokens.refresh_token
  const ask = async (...request: Parameters<Client['ask']>): Promise<Record<string, unknown> | undefined> => {
    if (isOver()) return undefined
    const outcome = await client.ask(...request)
    done.outcomes.push(outcome)
    if (typeof outcome === 'string') return undefined
    if (outcome.status !== 200) done.wrong.push(`${request[0]} ${outcome.status} ${outcome.body}`)
    if (outcome.connection === 'close') await untilReady(done, isOver)
    return JSON.parse(outcome.body) as Record<string, unknown>
  }
  while (!isOver()) {
    const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: refreshToken }
    const refreshed = await ask('/token', form)
    if (refreshed === undefined) continue
    refreshToken = String(refreshed['refresh_token'])
    const token = String(refreshed['access_token'])
    const answer = await ask('/introspect', { token }, { authorization: `Bearer ${mcp.key}` })
    if (answer !== undefined && answer['active'] !== true) done.wrong.push('A good token is not active.')
    await ask('/.well-known/jwks.json')
  }
  return done
}

async function untilReady({ probes }: Work, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const prober = createClient(port)
    const outcome = await prober.ask('/ready', undefined, { connection: 'close' })
    prober.close()
    probes.push(outcome)
    if (typeof outcome !== 'string' && outcome.status === 200) return
    await settle(20)
  }
}

/** Lets all clients work while something happens. */
async function loadWhile(happens: () => Promise<void>): Promise<Work> {
  let isOver = false
  const clients = granted.map(() => createClient(port))
  const working = clients.map((client, index) => work(client, granted[index] as Granted, () => isOver))
  await happens().finally(() => {
    isOver = true
  })
  const done = await Promise.all(working)
  for (const client of clients) client.close()
  return {
    outcomes: done.flatMap(({ outcomes }) => outcomes),
    wrong: done.flatMap(({ wrong }) => wrong),
    probes: done.flatMap(({ probes }) => probes),
  }
}

const settle = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

it('workers are replaced, again and again, and no request is lost or refused', async () => {
  const { outcomes, wrong, probes } = await loadWhile(async () => {
    await settle(300)
    for (let round = 1; round <= 3; round += 1) {
      program.child.kill('SIGUSR2')
      await expect
        .poll(() => countLines(program, 'The workers have been replaced.'), { timeout: 60_000 })
        .toBe(round)
    }
    await settle(300)
  })
  expect(wrong).toEqual([])
  expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([])
  // Each client was asked to leave the workers that went.
  const asked = outcomes.filter((outcome) => typeof outcome !== 'string' && outcome.connection === 'close')
  expect(asked.length).toBeGreaterThanOrEqual(CLIENTS)
  // Monitors see nothing of it.
  expect(probes.filter((probe) => typeof probe === 'string' || probe.status !== 200)).toEqual([])
})

it('the whole stops, and what was sent is answered', async () => {
  const { outcomes, wrong, probes } = await loadWhile(async () => {
    await settle(500)
    program.child.kill('SIGTERM')
    expect(await program.ended).toBe(0)
    await settle(100)
  })
  expect(wrong).toEqual([])
  expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([])
  // It told those who asked, and the monitors, before it went.
  const asked = outcomes.filter((outcome) => typeof outcome !== 'string' && outcome.connection === 'close')
  expect(asked.length).toBeGreaterThanOrEqual(CLIENTS)
  expect(probes).toContainEqual(expect.objectContaining({ status: 503, body: '{"status":"stopping"}' }))
  expect(program.stderr()).toContain('The server has stopped.')
})

it('a worker that is killed costs what it was answering, and nothing else', async () => {
  const { outcomes, wrong } = await loadWhile(async () => {
    for (let round = 1; round <= 3; round += 1) {
      await settle(300)
      const [victim] = findWorkerPids(program)
      process.kill(victim as number, 'SIGKILL')
      await expect.poll(() => countLines(program, 'A worker has started.'), { timeout: 60_000 }).toBe(round)
    }
    await settle(300)
  })
  expect(wrong).toEqual([])
  expect(outcomes).not.toContain('forgotten')
  expect(outcomes).not.toContain('refused')
  expect(outcomes.filter((outcome) => outcome === 'lost').length).toBeLessThanOrEqual(3 * CLIENTS)
})

it('a connection that was on its way to a worker that is killed is closed, not forgotten', async () => {
  const [victim = 0] = await waitForWorkers(program, 3)
  // A worker that stands still takes no connection that it is handed.
  process.kill(victim, 'SIGSTOP')
  const clients = Array.from({ length: 6 }, () => createClient(port))
  const answers = clients.map((client) => client.ask('/health'))
  // Asked later and answered: those before have been handed over.
  const later = createClient(port)
  expect(await later.ask('/health')).toMatchObject({ status: 200 })
  process.kill(victim, 'SIGKILL')
  const outcomes = await Promise.all(answers)
  for (const client of [...clients, later]) client.close()
  const statuses = outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.status))
  expect(statuses.filter((status) => status === 200)).toHaveLength(5)
  expect(statuses.filter((status) => status === 'lost')).toHaveLength(1)
})

it('a worker that is told to end alone has its successor first', async () => {
  const { outcomes, wrong } = await loadWhile(async () => {
    await settle(300)
    const [victim] = findWorkerPids(program)
    process.kill(victim as number, 'SIGTERM')
    await expect.poll(() => countLines(program, 'A worker has started.'), { timeout: 60_000 }).toBe(1)
    await expect.poll(() => findWorkerPids(program), { timeout: 60_000 }).not.toContain(victim)
    await settle(300)
  })
  expect(wrong).toEqual([])
  expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([])
  expect(program.stderr()).not.toContain('A worker has ended unasked.')
})
