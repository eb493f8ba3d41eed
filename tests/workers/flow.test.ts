import { afterAll, beforeAll, expect, it } from 'vitest'
import { grant, introspect, refresh, registerServer } from '../support/flow.ts'
import type { TestServer } from '../support/server.ts'
import { startTestWorker, type TestWorker } from './workerd.ts'

let worker: TestWorker
let server: TestServer

beforeAll(async () => {
  worker = await startTestWorker()
  server = worker as unknown as TestServer
})
afterAll(() => worker?.close())

it('answers health, discovery and keys', async () => {
  for (const path of [
    '/health',
    '/ready',
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
  ])
    expect([path, (await server.fetch(path)).status]).toEqual([path, 200])
})

it('goes the whole way: sign-in, consent, token, introspection, refresh, revocation', async () => {
  const mcp = await registerServer(server)
  const granted = await grant(server)
  expect(await introspect(server, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
  const refreshed = await refresh(server, granted, granted.tokens.refresh_token)
  expect(refreshed.status).toBe(200)
  const revoked = await server.fetch('/revoke', {
    method: 'POST',
    body: new URLSearchParams({ token: refreshed.body.refresh_token, client_id: granted.clientId }),
  })
  expect(revoked.status).toBe(200)
  expect(await introspect(server, mcp.key, refreshed.body.access_token)).toEqual({ active: false })
  expect((await refresh(server, granted, refreshed.body.refresh_token)).status).toBe(400)
})
