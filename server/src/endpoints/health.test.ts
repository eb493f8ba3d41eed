import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../../../tests/support/server.ts'

describe('whether the server can serve', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
  })
  afterAll(() => server.close())

  it('is told to monitors', async () => {
    const response = await server.fetch('/ready')
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready' }])
  })

  it('ends when the process is about to stop, though it still answers', async () => {
    const closing = AbortSignal.abort()
    const response = await server.fetch('/ready', {}, { closing })
    expect([response.status, await response.json()]).toEqual([503, { status: 'stopping' }])
    expect((await server.fetch('/health', {}, { closing })).status).toBe(200)
  })

  it('is denied within 2 s while the database hangs', async () => {
    const { database } = server.database
    let isHanging = false
    const query: typeof database.query = (...args) =>
      isHanging ? new Promise(() => {}) : database.query(...args)
    const node = await server.addNode({ database: { ...database, query } })
    isHanging = true
    const began = performance.now()
    const response = await node.fetch('/ready')
    expect([response.status, await response.json()]).toEqual([503, { status: 'unavailable' }])
    expect(performance.now() - began).toBeLessThan(3_000)
  })
})
