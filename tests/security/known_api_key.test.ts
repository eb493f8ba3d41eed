import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RegisteredServer, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** The server remembers the row of an API key for a moment. */
describe('an API key that was right a moment ago', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  async function ask(key: string): Promise<number> {
    const response = await server.fetch('/introspect', {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}` },
      body: new URLSearchParams({ token: 'any' }),
    })
    return response.status
  }

  it('lets no other secret in under its id, nor is locked out by one', async () => {
    const other = mcp.key.slice(0, -1) + (mcp.key.endsWith('A') ? 'B' : 'A')
    expect(await ask(other)).toBe(401)
    expect(await ask(mcp.key)).toBe(200)
    expect(await ask(other)).toBe(401)
    expect(await ask(mcp.key)).toBe(200)
  })

  it('is refused once the key that digests were made with is withdrawn', async () => {
    expect(await ask(mcp.key)).toBe(200)
    await server.server.rotatePurposeKey('digest', 'immediately')
    expect(await ask(mcp.key)).toBe(200)
    await server.server.withdrawPurposeKeys('digest')
    server.clock.advance(5)
    expect(await ask(mcp.key)).toBe(401)
  })
})
