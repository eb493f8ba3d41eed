import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import {
  type Granted,
  grant,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerServer,
} from '../support/flow.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { interruptible } from './nodes.ts'

interface News {
  status: number
  error?: string
  error_description?: string
  cursor: string
  snapshot: boolean
  time: number
  denials: { kind: string; subject: string; cutoff?: number; expires_at: number }[]
}

const EXPIRE_KEYS = statement('test_expire_keys', 'update auth_agent.mcp_server_keys set expires_at = $1')

describe('GET /revocations', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeEach(async () => {
    server = await createTestServer({ now: Date.now })
    mcp = await registerServer(server)
  })
  afterEach(() => server.close())

  async function ask(
    { cursor, wait }: { cursor?: string; wait?: string | number } = {},
    { key = mcp.key, at = server, signal }: { key?: string; at?: TestServer; signal?: AbortSignal } = {},
  ): Promise<News> {
    const query = new URLSearchParams()
    if (cursor !== undefined) query.set('cursor', cursor)
    if (wait !== undefined) query.set('wait', String(wait))
    const response = await at.fetch(`/revocations?${query}`, {
      headers: { Authorization: `Bearer ${key}` },
      ...(signal && { signal }),
    })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    return { status: response.status, ...((await response.json()) as Omit<News, 'status'>) }
  }
  const subjects = ({ denials }: News) => denials.map(({ subject }) => subject)

  async function revoke(token: string, clientId: string): Promise<void> {
    const body = new URLSearchParams({ token, client_id: clientId })
    const { status } = await server.fetch('/revoke', { method: 'POST', body })
    expect(status).toBe(200)
  }
  const revokeGrant = ({ tokens, clientId }: Granted) => revoke(tokens.refresh_token, clientId)
  const grantIdOf = ({ tokens }: Granted) => decodeJwt(tokens.access_token)['grant_id'] as string

  describe('answers', () => {
    it('with everything at first, and then with what is new', async () => {
      const first = await ask()
      expect(first).toMatchObject({ status: 200, snapshot: true, denials: [] })
      expect(Math.abs(first.time - Date.now() / 1000)).toBeLessThan(60)

      const granted = await grant(server)
      await revokeGrant(granted)
      const second = await ask({ cursor: first.cursor, wait: 20 })
      expect(second).toMatchObject({
        snapshot: false,
        denials: [{ kind: 'grant', subject: grantIdOf(granted) }],
      })
      expect(second.denials[0]?.expires_at).toBeGreaterThan(decodeJwt(granted.tokens.access_token).exp ?? 0)
      expect(subjects(await ask({ cursor: second.cursor }))).toEqual([])
      expect(subjects(await ask())).toEqual([grantIdOf(granted)])
    })

    it('as soon as there is news to who waits', async () => {
      const { cursor } = await ask()
      const granted = await grant(server)
      const waiting = ask({ cursor, wait: 20 })
      await revokeGrant(granted)
      expect(subjects(await waiting)).toEqual([grantIdOf(granted)])
    })

    it('with nothing, and a new cursor, to who has waited for nothing', async () => {
      const { cursor } = await ask()
      const heartbeat = await ask({ cursor, wait: 1 })
      expect(heartbeat).toMatchObject({ status: 200, snapshot: false, denials: [] })
      expect(await ask({ cursor: heartbeat.cursor })).toMatchObject({ snapshot: false, denials: [] })
    })

    it('at once when the node is about to stop', async () => {
      const { cursor } = await ask()
      const closing = new AbortController()
      const headers = { Authorization: `Bearer ${mcp.key}` }
      const waiting = server.fetch(
        `/revocations?wait=20&cursor=${cursor}`,
        { headers },
        { closing: closing.signal },
      )
      closing.abort()
      expect(await (await waiting).json()).toMatchObject({ snapshot: false, denials: [] })
    })

    it('with one token that was revoked alone, for its server only', async () => {
      const { tokens, clientId } = await grant(server)
      const other = await registerServer(server, { server_url: 'https://other.example.com/mcp' })
      await revoke(tokens.access_token, clientId)
      expect(subjects(await ask())).toEqual([decodeJwt(tokens.access_token).jti])
      expect(subjects(await ask({}, { key: other.key }))).toEqual([])
    })

    it('with nothing about other servers', async () => {
      const other = await registerServer(server, { server_url: 'https://other.example.com/mcp' })
      const { cursor } = await ask({}, { key: other.key })
      const granted = await grant(server)
      await revokeGrant(granted)
      expect(await ask({ cursor, wait: 1 }, { key: other.key })).toMatchObject({
        snapshot: false,
        denials: [],
      })
    })

    it('without a question to the database for each who waits, where others have news', async () => {
      const { database } = server.database
      const time = { ahead: 0 }
      let lookUps = 0
      const node = await server.addNode({
        now: () => Date.now() + time.ahead,
        database: {
          ...database,
          query: (asked, values) => {
            if (asked.name === 'mcp_server_keys_find') lookUps += 1
            return database.query(asked, values)
          },
        },
      })
      const other = await registerServer(server, { server_url: 'https://other.example.com/mcp' })
      const { cursor } = await ask({}, { at: node, key: other.key })
      const { cursor: ours } = await ask({}, { at: node })
      const leaving = new AbortController()
      const waiting = Array.from({ length: 50 }, () =>
        ask({ cursor, wait: 20 }, { at: node, key: other.key, signal: leaving.signal }),
      )
      // Longer than a node remembers what it looked up about a key.
      time.ahead = 10_000
      const granted = await grant(server)
      lookUps = 0
      const news = ask({ cursor: ours, wait: 20 }, { at: node })
      await revokeGrant(granted)
      expect(subjects(await news)).toEqual([grantIdOf(granted)])
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(lookUps).toBeLessThan(5)
      leaving.abort()
      await Promise.allSettled(waiting)
    })

    it('with a client of the organisation that was removed, and when what it holds was issued', async () => {
      const client = await server.manage<{ client_id: string }>('POST', '/clients', {
        client_name: 'Nightly',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_basic',
        servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
      })
      await server.manage('DELETE', `/clients/${encodeURIComponent(client.client_id)}`)
      const [denial] = (await ask()).denials
      expect(denial).toMatchObject({ kind: 'client', subject: client.client_id })
      expect(denial?.cutoff).toBeGreaterThanOrEqual(Math.floor(Date.now() / 1000) - 60)
    })

    it('on a node that did not revoke, or has read less', async () => {
      const node = await server.addNode()
      const { cursor } = await ask({}, { at: node })
      const granted = await grant(server)
      const waiting = ask({ cursor, wait: 20 }, { at: node })
      await revokeGrant(granted)
      const news = await waiting
      expect(subjects(news)).toEqual([grantIdOf(granted)])
      const late = await server.addNode()
      expect(await ask({ cursor: news.cursor }, { at: late })).toMatchObject({ snapshot: false, denials: [] })
    })

    it('with a grant that ended because its code was replayed', async () => {
      const { cursor } = await ask()
      const granted = await grant(server)
      let token = granted.tokens.refresh_token
      for (let generation = 0; generation < 3; generation += 1) {
        token = (await refresh(server, granted, token)).body.refresh_token
      }
      const { status } = await server.fetch('/token', {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: granted.clientId,
          code: granted.code,
          code_verifier: granted.pkce.verifier,
        }),
      })
      expect(status).toBe(400)
      expect(subjects(await ask({ cursor, wait: 20 }))).toEqual([grantIdOf(granted)])
    })
  })

  describe('refuses', () => {
    it.each(['', 'Bearer nonsense', 'Basic YTpi'])('without an API key (%j)', async (authorization) => {
      const response = await server.fetch('/revocations', { headers: { Authorization: authorization } })
      expect(response.status).toBe(401)
      expect(response.headers.get('WWW-Authenticate')).toMatch(/^(Bearer|Basic)/)
    })

    it("an access token, a client's secret, and the admin token", async () => {
      const { tokens } = await grant(server)
      expect(await ask({}, { key: tokens.access_token })).toMatchObject({
        status: 401,
        error: 'invalid_client',
      })
      expect(await ask({}, { key: 'an-admin-token-for-tests-only-0123456789' })).toMatchObject({
        status: 401,
      })
    })

    it('an API key that is revoked while it waits', async () => {
      const { cursor } = await ask()
      const waiting = ask({ cursor, wait: 20 })
      const { keys } = await server.manage<{ keys: { key_id: string }[] }>(
        'GET',
        `/servers/${mcp.server_id}/keys`,
      )
      await server.manage('DELETE', `/servers/${mcp.server_id}/keys/${keys[0]?.key_id}`)
      expect(await waiting).toMatchObject({ status: 401, error: 'invalid_client' })
    })

    it('an API key that has expired', async () => {
      await server.database.database.query(EXPIRE_KEYS, [new Date(Date.now() - 1_000)])
      expect(await ask()).toMatchObject({ status: 401 })
    })

    it.each(['-1', '21', '1.5', 'x', '1e1', '', '0x1'])('to wait %j seconds', async (wait) => {
      expect(await ask({ wait })).toMatchObject({ status: 400, error: 'invalid_request' })
    })

    it('a parameter that is given twice', async () => {
      const headers = { Authorization: `Bearer ${mcp.key}` }
      const response = await server.fetch('/revocations?wait=1&wait=2', { headers })
      expect(response.status).toBe(400)
    })

    it('more questions that wait than any deployment needs, and takes them again when those are gone', async () => {
      const { cursor } = await ask()
      const leaving = new AbortController()
      const waiting = Array.from({ length: 200 }, () => ask({ cursor, wait: 20 }, { signal: leaving.signal }))
      const more = await ask({ cursor, wait: 20 })
      expect(more).toMatchObject({ status: 429, error: 'slow_down' })
      expect(await ask({ cursor, wait: 0 })).toMatchObject({ status: 200 })
      leaving.abort()
      await Promise.allSettled(waiting)
      expect(await ask({ cursor, wait: 1 })).toMatchObject({ status: 200 })
    })

    it('POST', async () => {
      expect((await server.fetch('/revocations', { method: 'POST' })).status).toBe(405)
    })
  })
})

describe('a node that has lost the database', () => {
  it('sends no heartbeat, so that who follows knows that it knows nothing', async () => {
    const database = await createTestDatabase()
    const connection = { isAway: false }
    const server = await createTestServer(
      { now: Date.now, database: interruptible(database.database, connection) },
      { database },
    )
    const mcp = await registerServer(server, { server_url: MCP_URL })
    const headers = { Authorization: `Bearer ${mcp.key}` }
    const first = await server.fetch('/revocations', { headers })
    const { cursor } = (await first.json()) as News
    const waiting = server.fetch(`/revocations?wait=20&cursor=${cursor}`, { headers })
    connection.isAway = true
    const lost = await waiting
    expect(lost.status).toBe(503)
    expect(lost.headers.get('Retry-After')).not.toBeNull()
    connection.isAway = false
    expect((await server.fetch('/revocations', { headers })).status).toBe(200)
    await server.close()
  })
})
