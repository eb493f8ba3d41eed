import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import { grant, introspect, type RegisteredServer, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** The largest leeway that a verifier may allow, in seconds. */
const LEEWAY = 300

const DENIALS = statement<{ kind: string; expires_at: Date }>(
  'test_denials_of',
  'select kind, expires_at from auth_agent.denials where subject = any ($1)',
)

let server: TestServer
let other: TestServer
let mcp: RegisteredServer

beforeAll(async () => {
  server = await createTestServer()
  mcp = await registerServer(server)
  other = await server.addNode()
})
afterAll(() => server.close())

const denialsOf = (...subjects: unknown[]) => server.database.database.query(DENIALS, [subjects])

async function revoke(clientId: string, token: string): Promise<void> {
  const body = new URLSearchParams({ client_id: clientId, token })
  expect((await server.fetch('/revoke', { method: 'POST', body })).status).toBe(200)
}

describe('a denial of a grant', () => {
  it('is kept until the last access token that was issued under it has expired everywhere', async () => {
    const granted = await grant(server)
    server.clock.advance(3_000)
    const refreshed = await refresh(server, granted, granted.tokens.refresh_token)
    const { exp = 0, grant_id } = decodeJwt(refreshed.body.access_token)
    await revoke(granted.clientId, refreshed.body.refresh_token)
    expect(await denialsOf(grant_id)).toEqual([
      { kind: 'grant', expires_at: new Date((exp + LEEWAY) * 1000) },
    ])

    // To the last second of its life the token is refused, on both nodes and after each of them has cleaned up.
    server.clock.advance(3_599)
    for (const node of [server, other]) {
      await node.server.maintain()
      expect(await introspect(node, mcp.key, refreshed.body.access_token)).toEqual({ active: false })
    }
    server.clock.advance(LEEWAY)
    await server.server.maintain()
    expect(await denialsOf(grant_id)).toHaveLength(1)
    server.clock.advance(1)
    await server.server.maintain()
    expect(await denialsOf(grant_id)).toEqual([])
  })

  it('is not recorded where all that was issued has expired', async () => {
    const granted = await grant(server)
    server.clock.advance(86_400)
    await revoke(granted.clientId, granted.tokens.refresh_token)
    expect(await denialsOf(decodeJwt(granted.tokens.access_token)['grant_id'])).toEqual([])
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe('a denial of one access token', () => {
  it('is kept until it has expired everywhere, and leaves the grant alone', async () => {
    const granted = await grant(server)
    const { exp = 0, jti } = decodeJwt(granted.tokens.access_token)
    await revoke(granted.clientId, granted.tokens.access_token)
    expect(await denialsOf(jti)).toEqual([{ kind: 'token', expires_at: new Date((exp + LEEWAY) * 1000) }])
    server.clock.advance(1)
    expect(await introspect(other, mcp.key, granted.tokens.access_token)).toEqual({ active: false })
    const { status, body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(status).toBe(200)
    expect(await introspect(other, mcp.key, body.access_token)).toMatchObject({ active: true })
  })
})

describe('an API key that is revoked', () => {
  it('is refused by another node that used it a moment ago, within a second', async () => {
    const { tokens } = await grant(server)
    const created = await server.manage<{ key_id: string; key_secret: string }>(
      'POST',
      `/servers/${mcp.server_id}/keys`,
      { name: 'soon revoked' },
    )
    expect(await introspect(other, created.key_secret, tokens.access_token)).toMatchObject({ active: true })
    await server.manage('DELETE', `/servers/${mcp.server_id}/keys/${created.key_id}`)
    server.clock.advance(1)
    expect(await introspect(other, created.key_secret, tokens.access_token)).toMatchObject({
      error: 'invalid_client',
    })
    expect(await introspect(other, mcp.key, tokens.access_token)).toMatchObject({ active: true })
  })
})

describe('a server that is removed', () => {
  it('has no token left on any node, and may come again', async () => {
    const fields = { server_url: 'https://short.example.com/mcp', server_name: 'Short' }
    const first = await registerServer(server, fields)
    const granted = await grant(server, { parameters: { resource: fields.server_url } })
    await server.manage('DELETE', `/servers/${first.server_id}`)
    server.clock.advance(1)
    for (const node of [server, other])
      expect(await introspect(node, first.key, granted.tokens.access_token)).toMatchObject({
        error: 'invalid_client',
      })
    // The denial reaches as far beyond the removal as the clocks of nodes may be apart.
    server.clock.advance(30)
    const second = await registerServer(server, fields)
    for (const node of [server, other])
      expect(await introspect(node, second.key, granted.tokens.access_token)).toEqual({ active: false })
    const again = await grant(server, { parameters: { resource: fields.server_url } })
    for (const node of [server, other])
      expect(await introspect(node, second.key, again.tokens.access_token)).toMatchObject({ active: true })
  })
})
