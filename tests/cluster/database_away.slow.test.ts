import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { environmentOf } from '../support/cluster.ts'
import { type Granted, grant, introspect, type RegisteredServer, registerServer } from '../support/flow.ts'
import { findFreePort, type MainProcess, spawnMain } from '../support/main_process.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import type { TestServer } from '../support/server.ts'
import { createSeverableDatabase, type SeverableDatabase } from './severable_database.ts'

vi.setConfig({ testTimeout: 120_000 })

describe.each([
  ['one process', '1'],
  ['workers', '2'],
])('%s, while the database is away', (_name, WORKERS) => {
  let database: TestDatabase
  let severable: SeverableDatabase
  let program: MainProcess
  let env: Record<string, string>
  let server: TestServer
  let mcp: RegisteredServer
  let granted: Granted

  beforeAll(async () => {
    await build()
    database = await createTestDatabase()
    severable = await createSeverableDatabase(database.url)
    const port = await findFreePort()
    env = { ...environmentOf(port, `http://localhost:${port}`, severable.url), WORKERS }
    program = spawnMain(env)
    await program.started()
    server = createRemoteServer(`http://localhost:${port}`, { port, agent: new Agent() })
    mcp = await registerServer(server)
    granted = await grant(server)
  })
  afterAll(async () => {
    program.child.kill('SIGTERM')
    await program.ended
    await severable.close()
    await rm(env['DATA_DIR'] as string, { recursive: true, force: true })
    await database.drop()
  })
  beforeEach(async () => {
    severable.become('open')
    await expect.poll(async () => (await server.fetch('/ready')).status, { timeout: 60_000 }).toBe(200)
  })

  const refresh = () =>
    server.fetch('/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: granted.clientId,
        refresh_token: granted.tokens.refresh_token,
      }),
    })

  it.each(['refused', 'silent'] as const)(
    '(%s) it is not ready, answers 503 with Retry-After, and recovers by itself',
    async (way) => {
      const { pid } = program.child
      // Every worker knows this token, and its server's key.
      for (let count = 0; count < 4; count += 1)
        expect(await introspect(server, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
      severable.become(way)
      const [ready, refused, known] = await Promise.all([
        server.fetch('/ready'),
        refresh(),
        introspect(server, mcp.key, granted.tokens.access_token),
      ])
      expect([ready.status, await ready.json()]).toEqual([503, { status: 'unavailable' }])
      expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5'])
      expect(await refused.json()).toMatchObject({ error: 'temporarily_unavailable' })
      // By the rules of staleness: for 30 s nothing can have been revoked through this server.
      expect(known).toMatchObject({ active: true })
      expect((await server.fetch('/health')).status).toBe(200)
      expect((await server.fetch('/.well-known/jwks.json')).status).toBe(200)

      severable.become('open')
      await expect.poll(async () => (await server.fetch('/ready')).status, { timeout: 60_000 }).toBe(200)
      const answer = await refresh()
      expect(answer.status).toBe(200)
      granted.tokens.refresh_token = ((await answer.json()) as { refresh_token: string }).refresh_token
      expect([program.child.pid, program.child.exitCode]).toEqual([pid, null])
      expect(program.stderr()).not.toContain('A worker has ended unasked.')
    },
  )
})
