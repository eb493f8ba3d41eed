import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { grant, introspect, type RegisteredServer, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** Tables whose rows lose their meaning with time. */
const EXPIRING = [
  'auth_requests',
  'auth_codes',
  'tokens',
  'denials',
  'sessions',
  'email_codes',
  'one_time_links',
  'invitations',
  'attempt_counters',
  'used_once',
  'audit_events',
]

describe('maintenance', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  async function countRows(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const table of EXPIRING) {
      const text = `select count(*)::int as count from auth_agent.${table}`
      const [row] = await server.database.database.query<{ count: number }>({ name: `count_${table}`, text })
      counts[table] = row?.count ?? 0
    }
    return counts
  }

  /** Leaves a row in each table that the public can fill. */
  async function use(): Promise<void> {
    const browser = createBrowser(server)
    const granted = await grant(server, { browser })
    const revoked = await grant(server)
    const body = new URLSearchParams({ client_id: revoked.clientId, token: revoked.tokens.refresh_token })
    await server.fetch('/revoke', { method: 'POST', body })
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
    const other = createBrowser(server)
    await other.submit(
      await other.open('/sign-in'),
      { email: 'owner@example.com', method: 'email_code' },
      '/sign-in',
    )
    await server.manage('POST', '/invitations', { email: 'new@example.com' })
  }

  it('deletes what has expired, in batches, and nothing that is needed', async () => {
    await use()
    const before = await countRows()
    for (const table of [
      'auth_requests',
      'auth_codes',
      'tokens',
      'denials',
      'sessions',
      'email_codes',
      'invitations',
    ]) {
      expect(before[table], table).toBeGreaterThan(0)
    }
    await server.server.maintain()
    const living = await countRows()
    for (const table of ['auth_codes', 'tokens', 'denials', 'sessions', 'email_codes', 'invitations']) {
      expect(living[table], table).toBe(before[table])
    }

    server.clock.advance(500 * 86_400)
    await server.server.maintain()
    expect(Object.entries(await countRows()).filter(([, count]) => count > 0)).toEqual([])
  })

  it('is safe on two nodes at once', async () => {
    await use()
    server.clock.advance(500 * 86_400)
    const other = await server.addNode()
    await Promise.all([server.server.maintain(), other.server.maintain()])
    expect((await countRows())['sessions']).toBe(0)
  })

  it('leaves servers, keys, people and their consents alone', async () => {
    expect(await server.manage('GET', `/servers/${mcp.server_id}`)).toMatchObject({
      server_id: mcp.server_id,
    })
    const { tokens } = await grant(server)
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })
  })
})
