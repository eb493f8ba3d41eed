import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../../../tests/support/server.ts'
import { DatabaseUnavailable } from '../storage/database.ts'

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

  it('is denied while the database hangs, which never answers', async () => {
    const { database } = server.database
    let isHanging = false
    const query: typeof database.query = (...args) =>
      isHanging ? new Promise(() => {}) : database.query(...args)
    const node = await server.addNode({ database: { ...database, query } })
    isHanging = true
    const response = await node.fetch('/ready')
    expect([response.status, await response.json()]).toEqual([503, { status: 'unavailable' }])
  })

  it('is told to the log in a line, not with a stack for each request that an outage fails', async () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED 10.0.0.5:5432')])
    let isAway = false
    const { database } = server.database
    const query: typeof database.query = (...args) =>
      isAway ? Promise.reject(new DatabaseUnavailable({ cause: refused })) : database.query(...args)
    const node = await server.addNode({ database: { ...database, query } })
    isAway = true
    node.logLines.length = 0
    await node.fetch('/ready')
    await node.fetch('/sign-in', { headers: { Cookie: '__Host-session=x; session=x' } })
    await node.manage('GET', '/servers').catch(() => {})
    expect(node.logLines.length).toBeGreaterThanOrEqual(2)
    for (const line of node.logLines) {
      expect(line).toContain('"reason":"connect ECONNREFUSED 10.0.0.5:5432"')
      expect(line.length).toBeLessThan(300)
    }
  })
})
