import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Call, createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { authenticateServer, isServerRequest } from '../authentication/server_authentication.ts'
import type { AuthenticatingKey } from '../storage/mcp_server_keys.ts'

let test: TestDatabase
let api: ManagementTest
let call: Call
let serverId: string
let now = Date.parse('2026-11-24T10:00:00.000Z')

beforeAll(async () => {
  test = await createTestDatabase()
  api = await createManagementTest(test.database, { now: () => now })
  call = api.asAdmin
  serverId = await register('https://mcp.example.com/mcp')
})
afterAll(() => test.drop())

async function register(server_url: string): Promise<string> {
  const { body } = await call('POST', '/servers', {
    server_url,
    server_name: 'Files',
    scopes: ['files:read'],
  })
  return body.server_id
}

async function authenticate(authorization?: string): Promise<AuthenticatingKey> {
  const headers = authorization === undefined ? {} : { Authorization: authorization }
  return authenticateServer(
    api.context,
    new Request('https://as.example/introspect', { method: 'POST', headers }),
  )
}

function basic(user: string, password: string): string {
  return `Basic ${btoa(`${encodeURIComponent(user)}:${encodeURIComponent(password)}`)}`
}

function refusal(challenge: RegExp, sentence: RegExp) {
  return expect.objectContaining({
    code: 'invalid_client',
    status: 401,
    description: expect.stringMatching(sentence),
    headers: { 'WWW-Authenticate': expect.stringMatching(challenge) },
  })
}

describe('an API key', () => {
  it('is answered as the contract says, and its secret once', async () => {
    const { status, body } = await call('POST', `/servers/${serverId}/keys`, { name: 'production' })
    expect(status).toBe(201)
    expect(body).toEqual({
      key_id: expect.stringMatching(/^key_[a-z2-7]{26}$/),
      key_secret: expect.stringMatching(/^sk_[a-z2-7]{26}_[\w-]{43}$/),
      name: 'production',
      created_at: '2026-11-24T10:00:00.000Z',
      expires_at: null,
    })
    const list = await call('GET', `/servers/${serverId}/keys`)
    expect(list.status).toBe(200)
    expect(list.body.keys).toContainEqual({
      key_id: body.key_id,
      name: 'production',
      created_at: body.created_at,
      expires_at: null,
      revoked_at: null,
    })
    expect(JSON.stringify(list.body)).not.toContain(body.key_secret.slice(-43))
    const [row] = await test.database.query<{ text: string }>({
      name: 'test_key',
      text: 'select row_to_json(k)::text as text from auth_agent.mcp_server_keys k limit 1',
    })
    expect(row?.text).not.toContain(body.key_secret.slice(-43))
  })

  it.each([
    [{}, /^name is missing/],
    [{ name: '' }, /^name/],
    [{ name: 'k', expires_in: 0 }, /^expires_in/],
    [{ name: 'k', expires_in: 1.5 }, /^expires_in/],
    [{ name: 'k', expires_in: '60' }, /^expires_in/],
    [{ name: 'k', expires_in: 1e12 }, /^expires_in/],
  ])('is refused for %j', async (body, sentence) => {
    const answer = await call('POST', `/servers/${serverId}/keys`, body)
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    expect(answer.body.error_description).toMatch(sentence)
  })

  it('belongs to a server that is there', async () => {
    expect((await call('POST', '/servers/srv_none/keys', { name: 'k' })).status).toBe(404)
    expect((await call('GET', '/servers/srv_none/keys')).status).toBe(404)
    expect((await call('DELETE', `/servers/${serverId}/keys/key_none`)).status).toBe(404)
  })
})

describe('authenticating a server by its key', () => {
  let keyId: string
  let secret: string
  beforeAll(async () => {
    const { body } = await call('POST', `/servers/${serverId}/keys`, { name: 'k' })
    keyId = body.key_id
    secret = body.key_secret
  })

  it('takes it as Bearer, and as the password of HTTP Basic', async () => {
    const expected = { id: keyId, server_id: serverId, server_url: 'https://mcp.example.com/mcp' }
    expect(await authenticate(`Bearer ${secret}`)).toMatchObject(expected)
    expect(await authenticate(`bearer ${secret}`)).toMatchObject(expected)
    expect(await authenticate(basic(serverId, secret))).toMatchObject(expected)
  })

  it('knows which requests are a server’s', () => {
    const isServer = (authorization: string) =>
      isServerRequest(new Request('https://as.example', { headers: { Authorization: authorization } }))
    expect(isServer(`Bearer ${secret}`)).toBe(true)
    expect(isServer(basic(serverId, secret))).toBe(true)
    expect(isServer(basic('cli_client', 'cs_secret'))).toBe(false)
    expect(isServer('Bearer at')).toBe(false)
    expect(isServerRequest(new Request('https://as.example'))).toBe(false)
  })

  it('refuses what is none, or another’s', async () => {
    const wrong = `${secret.slice(0, -4)}AAAA`
    const other = await register('https://other.example/mcp')
    await expect(authenticate()).rejects.toEqual(refusal(/^Bearer/, /API key/))
    await expect(authenticate('Bearer token')).rejects.toEqual(refusal(/^Bearer/, /API key/))
    await expect(authenticate(`Bearer ${wrong}`)).rejects.toEqual(refusal(/^Bearer/, /does not exist/))
    await expect(authenticate(basic(serverId, wrong))).rejects.toEqual(refusal(/^Basic/, /does not exist/))
    await expect(authenticate(basic(other, secret))).rejects.toEqual(refusal(/^Basic/, /another MCP server/))
    await expect(authenticate(basic('', secret))).rejects.toEqual(refusal(/^Basic/, /another MCP server/))
    await expect(authenticate(`Basic ${btoa('%:%')}`)).rejects.toEqual(refusal(/^Basic/, /API key/))
    const unknown = `sk_${'a'.repeat(26)}_${'b'.repeat(43)}`
    await expect(authenticate(`Bearer ${unknown}`)).rejects.toEqual(refusal(/^Bearer/, /does not exist/))
  })

  it('asks the database once in five seconds', async () => {
    const found = api.context.storage.findServerKey
    let asked = 0
    api.context.storage.findServerKey = (id) => {
      asked += 1
      return found(id)
    }
    now += 6000
    for (let round = 0; round < 10; round++) await authenticate(`Bearer ${secret}`)
    expect(asked).toBe(1)
    now += 5001
    await authenticate(`Bearer ${secret}`)
    expect(asked).toBe(2)
    api.context.storage.findServerKey = found
  })

  it('refuses a revoked key at once, on another node within a second', async () => {
    const node = await createManagementTest(test.database, { now: () => now })
    const request = () =>
      new Request('https://as.example/introspect', { headers: { Authorization: `Bearer ${secret}` } })
    await authenticateServer(node.context, request())
    await authenticate(`Bearer ${secret}`)
    expect((await call('DELETE', `/servers/${serverId}/keys/${keyId}`)).status).toBe(204)
    await expect(authenticate(`Bearer ${secret}`)).rejects.toEqual(refusal(/^Bearer/, /revoked/))
    now += 1000
    await expect(authenticateServer(node.context, request())).rejects.toEqual(refusal(/^Bearer/, /revoked/))
    expect((await call('DELETE', `/servers/${serverId}/keys/${keyId}`)).status).toBe(204)
    const { keys } = (await call('GET', `/servers/${serverId}/keys`)).body
    const listed = keys.find((key: { key_id: string }) => key.key_id === keyId)
    expect(listed.revoked_at).toBe(new Date(now - 1000).toISOString())
  })

  it('refuses a key that has expired, and one whose server was removed', async () => {
    const gone = await register('https://gone.example/mcp')
    const short = (await call('POST', `/servers/${gone}/keys`, { name: 'short', expires_in: 2 })).body
    const long = (await call('POST', `/servers/${gone}/keys`, { name: 'long' })).body
    expect(short.expires_at).toBe(new Date(now + 2000).toISOString())
    await authenticate(`Bearer ${short.key_secret}`)
    await authenticate(`Bearer ${long.key_secret}`)
    now += 2000
    await expect(authenticate(`Bearer ${short.key_secret}`)).rejects.toEqual(refusal(/^Bearer/, /expired/))
    await call('DELETE', `/servers/${gone}`)
    await expect(authenticate(`Bearer ${long.key_secret}`)).rejects.toEqual(refusal(/^Bearer/, /revoked/))
    now += 6000
    await expect(authenticate(`Bearer ${long.key_secret}`)).rejects.toEqual(
      refusal(/^Bearer/, /does not exist/),
    )
  })
})
