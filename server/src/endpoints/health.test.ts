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
})
