import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Call, createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { clientDigest } from '../clients/client.ts'
import { signAccessToken, verifyAccessToken } from '../tokens/access_token.ts'

let test: TestDatabase
let api: ManagementTest
let call: Call
let serverId: string
beforeAll(async () => {
  test = await createTestDatabase()
  api = await createManagementTest(test.database)
  call = api.asAdmin
  const server = { server_url: 'https://mcp.example.com', server_name: 'Files', scopes: ['read', 'write'] }
  serverId = (await call('POST', '/servers', server)).body.server_id
})
afterAll(() => test.drop())

const WEB = { client_name: 'Web', redirect_uris: ['https://app.example.com/callback'] }
const ROBOT = { client_name: 'Robot', grant_types: ['client_credentials'] }
const publicJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

function findRow(clientId: string) {
  return api.context.storage.findRegisteredClient(clientDigest(clientId))
}

describe('registering a client', () => {
  it('answers as RFC 7591 §3.2.1 says, with the secret once', async () => {
    const { status, body } = await call('POST', '/clients', WEB)
    expect(status).toBe(201)
    expect(body).toMatchObject({
      ...WEB,
      client_id: expect.stringMatching(/^cli_[a-z2-7]{26}$/),
      client_id_issued_at: Math.floor(Date.parse(body.created_at) / 1000),
      client_secret: expect.stringMatching(/^cs_[\w-]{43}$/),
      client_secret_expires_at: 0,
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
      servers: [],
    })
    const shownOnce = [
      'client_secret',
      'client_secret_expires_at',
      'registration_access_token',
      'registration_client_uri',
    ]
    const rest = Object.fromEntries(Object.entries(body).filter(([name]) => !shownOnce.includes(name)))
    expect((await call('GET', `/clients/${body.client_id}`)).body).toEqual(rest)
    expect((await call('GET', '/clients')).body.clients).toContainEqual(rest)
    const row = await findRow(body.client_id)
    expect(api.context.purposeKeys.isMac('digest', body.client_secret, row?.secret_digest as Buffer)).toBe(
      true,
    )
  })

  it('gives no secret to clients that have none', async () => {
    const methods = [
      { token_endpoint_auth_method: 'none' },
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk] } },
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://app.example.com/jwks' },
    ]
    for (const method of methods) {
      const { status, body } = await call('POST', '/clients', { ...WEB, ...method })
      expect(status).toBe(201)
      expect(body).toMatchObject(method)
      expect(body.client_secret).toBeUndefined()
      expect((await findRow(body.client_id))?.secret_digest).toBeNull()
    }
  })

  it('says what a robot may ask of which server', async () => {
    const servers = [{ server_id: serverId, scopes: ['read'] }]
    const { status, body } = await call('POST', '/clients', { ...ROBOT, servers })
    expect([status, body.servers]).toEqual([201, servers])
    const stored = await api.context.storage.findRegisteredClient(clientDigest(body.client_id))
    expect(stored?.servers).toMatchObject([{ server_id: serverId, scopes: ['read'] }])
  })

  it.each([
    [{ redirect_uris: [] }, 'invalid_redirect_uri', /redirect_uris/],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri', /javascript/],
    [{ redirect_uris: 'https://app.example.com' }, 'invalid_client_metadata', /redirect_uris/],
    [{ grant_types: ['password'] }, 'invalid_client_metadata', /grant_types/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata', /jwks/],
    [{ ...ROBOT, token_endpoint_auth_method: 'none' }, 'invalid_client_metadata', /client_credentials/],
    [
      { servers: [{ server_id: 'srv_x', scopes: ['read'] }] },
      'invalid_client_metadata',
      /client_credentials/,
    ],
    [
      { ...ROBOT, servers: [{ server_id: 'srv_x', scopes: ['read'] }] },
      'invalid_client_metadata',
      /no MCP server/,
    ],
    [{ ...ROBOT, servers: [{ server_id: 'srv_x' }] }, 'invalid_request', /servers\.0\.scopes is missing/],
    [{ ...ROBOT, servers: 'all' }, 'invalid_request', /servers/],
  ])('refuses %j', async (change, error, sentence) => {
    const { status, body } = await call('POST', '/clients', { ...WEB, ...change })
    expect([status, body.error]).toEqual([400, error])
    expect(body.error_description).toMatch(sentence)
  })

  it('refuses scopes that the server does not offer, and a server twice', async () => {
    const before = (await call('GET', '/clients')).body.clients.length
    const unknown = [{ server_id: serverId, scopes: ['admin'] }]
    expect((await call('POST', '/clients', { ...ROBOT, servers: unknown })).body.error_description).toMatch(
      /admin/,
    )
    const twice = [
      { server_id: serverId, scopes: ['read'] },
      { server_id: serverId, scopes: ['write'] },
    ]
    expect((await call('POST', '/clients', { ...ROBOT, servers: twice })).status).toBe(400)
    expect((await call('GET', '/clients')).body.clients.length).toBe(before)
  })
})

describe('changing a client', () => {
  it('changes what is given, removes what is null, and leaves the secret', async () => {
    const { body: created } = await call('POST', '/clients', {
      ...WEB,
      scope: 'read',
      client_uri: 'https://a.example',
    })
    const before = await findRow(created.client_id)
    const change = { redirect_uris: ['https://app.example.com/new'], scope: null }
    const { status, body } = await call('PATCH', `/clients/${created.client_id}`, change)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      client_name: 'Web',
      client_uri: 'https://a.example',
      redirect_uris: change.redirect_uris,
    })
    expect(body.scope).toBeUndefined()
    expect(body.client_secret).toBeUndefined()
    const after = await findRow(created.client_id)
    expect(after?.secret_digest).toEqual(before?.secret_digest)
    expect(after?.metadata).not.toEqual(before?.metadata)
  })

  it('gives a first secret where it needs one, and forgets one that it does not', async () => {
    const { body: created } = await call('POST', '/clients', { ...WEB, token_endpoint_auth_method: 'none' })
    const path = `/clients/${created.client_id}`
    const secret = await call('PATCH', path, { token_endpoint_auth_method: 'client_secret_post' })
    expect(secret.body.client_secret).toMatch(/^cs_/)
    await call('PATCH', path, { token_endpoint_auth_method: 'none' })
    expect((await findRow(created.client_id))?.secret_digest).toBeNull()
  })

  it('refuses what would make no client, and changes nothing', async () => {
    const { body: created } = await call('POST', '/clients', WEB)
    const path = `/clients/${created.client_id}`
    const before = (await call('GET', path)).body
    for (const change of [
      { redirect_uris: ['data:,x'] },
      { redirect_uris: null },
      { servers: [{ server_id: serverId, scopes: ['read'] }] },
    ]) {
      expect((await call('PATCH', path, change)).status).toBe(400)
    }
    expect((await call('GET', path)).body).toEqual(before)
  })

  it('replaces its servers', async () => {
    const servers = [{ server_id: serverId, scopes: ['read'] }]
    const { body: created } = await call('POST', '/clients', { ...ROBOT, servers })
    const path = `/clients/${created.client_id}`
    expect((await call('PATCH', path, { client_name: 'Same servers' })).body.servers).toEqual(servers)
    expect((await call('PATCH', path, { servers: [] })).body.servers).toEqual([])
  })
})

describe("a client's secret", () => {
  it('is replaced', async () => {
    const { body: created } = await call('POST', '/clients', WEB)
    const { status, body } = await call('POST', `/clients/${created.client_id}/secret`)
    expect(status).toBe(201)
    expect(body).toEqual({
      client_id: created.client_id,
      registration_access_token: expect.stringMatching(/^rat_/),
      client_secret: expect.stringMatching(/^cs_/),
      client_secret_expires_at: 0,
    })
    const digest = (await findRow(created.client_id))?.secret_digest as Buffer
    expect(api.context.purposeKeys.isMac('digest', body.client_secret, digest)).toBe(true)
    expect(api.context.purposeKeys.isMac('digest', created.client_secret, digest)).toBe(false)
  })

  it('is none of a public client', async () => {
    const { body: created } = await call('POST', '/clients', { ...WEB, token_endpoint_auth_method: 'none' })
    const { status, body } = await call('POST', `/clients/${created.client_id}/secret`)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

it('a removed client is gone, with its tokens', async () => {
  const { body: created } = await call('POST', '/clients', ROBOT)
  const path = `/clients/${created.client_id}`
  const clientId = created.client_id
  const token = await signAccessToken(api.context, {
    sub: clientId,
    clientId,
    resource: 'https://mcp.example.com',
    scopes: [],
  })
  expect((await call('DELETE', path)).status).toBe(204)
  await expect(verifyAccessToken(api.context, token)).rejects.toThrow('revoked')
  expect((await call('GET', path)).status).toBe(404)
  expect((await call('DELETE', path)).status).toBe(404)
  expect((await call('PATCH', path, {})).status).toBe(404)
  expect((await call('POST', `${path}/secret`)).status).toBe(404)
})

it('clients are listed page by page, also those of one moment', async () => {
  const all = (await call('GET', '/clients?limit=100')).body.clients
  const first = (await call('GET', '/clients?limit=2')).body
  const rest = (await call('GET', `/clients?limit=100&cursor=${first.next_cursor}`)).body
  expect([...first.clients, ...rest.clients]).toEqual(all)
  expect(rest.next_cursor).toBeUndefined()
})
