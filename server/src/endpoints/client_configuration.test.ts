import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerClient } from '../../../tests/support/flow.ts'
import { createTestServer, type TestServer } from '../../../tests/support/server.ts'

interface Registered {
  client_id: string
  registration_access_token: string
  registration_client_uri: string
}

const METADATA = {
  client_name: 'Before',
  redirect_uris: ['https://app.example.com/callback'],
  token_endpoint_auth_method: 'none',
  scope: 'openid files:read',
}

describe('the client configuration endpoint (RFC 7592)', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
  })
  afterAll(() => server.close())

  const register = () => server.manage<Registered>('POST', '/clients', METADATA)

  async function call(
    method: string,
    client: Registered,
    body?: object,
    token = client.registration_access_token,
  ) {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) }
    const response = await server.fetch(client.registration_client_uri, init)
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  it('answers the registration to who has its token', async () => {
    const client = await register()
    expect(await call('GET', client)).toMatchObject({
      status: 200,
      body: { client_id: client.client_id, ...METADATA },
    })
  })

  it('replaces the metadata (§2.2)', async () => {
    const client = await register()
    const { client_id } = client
    const changed = { ...METADATA, client_id, client_name: 'After', scope: 'openid' }
    expect(await call('PUT', client, changed)).toMatchObject({ status: 200, body: { client_name: 'After' } })
    expect((await call('GET', client)).body).toMatchObject({ client_name: 'After', scope: 'openid' })
  })

  it.each([
    ['another client_id', { client_id: 'cli_other' }],
    ['no client_id', { client_id: undefined }],
    ['a client_secret that is not its own', { client_secret: 'cs_wrong' }],
    ['another way to authenticate', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['a grant that its owner did not give', { grant_types: ['authorization_code', 'client_credentials'] }],
    ['a scope that its owner did not give', { scope: 'openid files:write' }],
    ['every scope, by naming none', { scope: undefined }],
  ])('refuses %s', async (_, change) => {
    const client = await register()
    const body = { ...METADATA, client_id: client.client_id, ...change }
    expect(await call('PUT', client, body)).toMatchObject({
      status: 400,
      body: { error: 'invalid_client_metadata' },
    })
  })

  it('removes the client (§2.3), after which the token is worth nothing', async () => {
    const client = await register()
    expect(await call('DELETE', client)).toEqual({ status: 204, body: undefined })
    expect(await call('GET', client)).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  })

  it('refuses the token of another client, a wrong one, and none', async () => {
    const [client, other] = [await register(), await register()]
    for (const token of [other.registration_access_token, 'rat_wrong', '']) {
      expect(await call('GET', client, undefined, token)).toMatchObject({ status: 401 })
    }
  })

  it('a new secret brings a new token, and ends the old one', async () => {
    const client = await server.manage<Registered>('POST', '/clients', {
      redirect_uris: METADATA.redirect_uris,
    })
    const replaced = await server.manage<Registered>('POST', `/clients/${client.client_id}/secret`)
    expect(await call('GET', client)).toMatchObject({ status: 401 })
    expect(await call('GET', client, undefined, replaced.registration_access_token)).toMatchObject({
      status: 200,
    })
  })

  it('manages no client that registered itself', async () => {
    const client_id = await registerClient(server)
    const url = `/register/${client_id}`
    const response = await server.fetch(url, { headers: { Authorization: 'Bearer rat_any' } })
    expect(response.status).toBe(401)
  })
})
