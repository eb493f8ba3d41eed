import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { statement } from '../../server/src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { environmentOf } from '../support/cluster.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  introspect,
  type RegisteredServer,
  registerClient,
  registerServer,
  requestToken,
  type TokenBody,
} from '../support/flow.ts'
import { findFreePort, type MainProcess, spawnMain } from '../support/main_process.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import type { TestServer } from '../support/server.ts'

vi.setConfig({ testTimeout: 180_000 })

const CLIENTS = 24
const REFRESHES = 12

let database: TestDatabase
let program: MainProcess
let env: Record<string, string>
let agent: Agent
let server: TestServer
let mcp: RegisteredServer

beforeAll(async () => {
  await build()
  database = await createTestDatabase()
  const port = await findFreePort()
  env = { ...environmentOf(port, `http://localhost:${port}`, database.url), WORKERS: '2' }
  program = spawnMain(env)
  await program.started()
  agent = new Agent({ keepAlive: true })
  server = createRemoteServer(`http://localhost:${port}`, { port, agent })
  mcp = await registerServer(server)
})
afterAll(async () => {
  agent.destroy()
  program.child.kill('SIGTERM')
  await program.ended
  await rm(env['DATA_DIR'] as string, { recursive: true, force: true })
  await database.drop()
})

/** A public client with a code in its hands. */
interface Holder {
  clientId: string
  code: string
  verifier: string
}

async function obtainCodes(): Promise<Holder[]> {
  const browser = createBrowser(server)
  const holders: Holder[] = []
  for (let count = 0; count < CLIENTS; count += 1) {
    const clientId = await registerClient(server, { client_name: `Client ${count}` })
    const { verifier, challenge } = createPkce()
    const sentTo = await authorize(server, authorizeUrl(clientId, { verifier, challenge }), { browser })
    holders.push({ clientId, code: sentTo.searchParams.get('code') ?? '', verifier })
  }
  return holders
}

/** Ends every connection to the database, in the middle of whatever it does, until told to stop. */
async function cutConnections(isOver: () => boolean): Promise<number> {
  let cut = 0
  while (!isOver()) {
    const rows = await database.database.query(TERMINATE)
    cut += rows.filter(({ was_active }) => was_active).length
    await sleep(5 + 20 * Math.random())
  }
  return cut
}

const TERMINATE = statement<{ was_active: boolean }>(
  'test_terminate',
  `select state <> 'idle' as was_active, pg_terminate_backend(pid) from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid()
     and application_name = 'auth-agent' and (state <> 'idle' or random() < 0.2)`,
)

/** Asks again as long as the answer is to come again. */
async function untilAnswered(parameters: Record<string, string>) {
  for (let attempts = 1; ; attempts += 1) {
    const answer = await requestToken(server, parameters)
    if (answer.status !== 503) return { ...answer, attempts }
    expect(answer.headers.get('Retry-After')).toBe('5')
    await sleep(10)
  }
}

/** Exchanges the code and refreshes what came; returns all that was acknowledged. */
async function useCode({ clientId, code, verifier }: Holder) {
  const acknowledged: TokenBody[] = []
  const exchange = {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: verifier,
  }
  const first = await untilAnswered(exchange)
  if (first.status !== 200) return { clientId, acknowledged, first }
  acknowledged.push(first.body)
  for (let count = 0; count < REFRESHES; count += 1) {
    const refresh_token = acknowledged.at(-1)?.refresh_token ?? ''
    const next = await untilAnswered({ grant_type: 'refresh_token', client_id: clientId, refresh_token })
    expect([next.status, next.body.error]).toEqual([200, undefined])
    acknowledged.push(next.body)
  }
  return { clientId, acknowledged, first }
}

it('connections that are cut in the middle of a transaction lose no acknowledged grant, and double none', async () => {
  const holders = await obtainCodes()
  let isOver = false
  const cutting = cutConnections(() => isOver)
  const used = await Promise.all(holders.map(useCode)).finally(() => {
    isOver = true
  })
  expect(await cutting).toBeGreaterThan(0)

  for (const { clientId, acknowledged, first } of used) {
    const families = await database.database.query(FAMILIES, [clientId])
    expect(families.length).toBeLessThanOrEqual(1)
    if (acknowledged.length === 0) {
      // The first use was done and its answer lost: who asks again is told that the code was used (RFC 6749 §4.1.2).
      expect([first.status, first.body.error]).toEqual([400, 'invalid_grant'])
      expect(first.attempts).toBeGreaterThan(1)
      continue
    }
    // A successor is always the same: the family has moved on once for each that was acknowledged.
    expect(families).toEqual([{ generation: REFRESHES, revoked_reason: null }])
    const tokens = acknowledged.map(({ refresh_token }) => refresh_token)
    expect(new Set(tokens).size).toBe(REFRESHES + 1)
    const token = acknowledged.at(-1)?.access_token ?? ''
    const isActive = async () => (await introspect(server, mcp.key, token))['active']
    await expect.poll(isActive, { timeout: 30_000 }).toBe(true)
  }
  expect(used.filter(({ acknowledged }) => acknowledged.length > 0).length).toBeGreaterThan(0)
  expect(program.stderr()).not.toContain('server_error')
  expect(program.stderr()).not.toContain('A worker has ended unasked.')
})

const FAMILIES = statement<{ generation: number; revoked_reason: string | null }>(
  'test_families_after_failover',
  `select t.generation, t.revoked_reason from auth_agent.tokens t
   join auth_agent.clients c on c.digest = t.client_digest where c.client_id = $1`,
)
