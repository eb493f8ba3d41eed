import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Granted, grant, type RegisteredServer, registerServer } from '../support/flow.ts'
import { type RegisteredClient, registerClientByApi } from '../support/registered_client.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** What programs call is called from browsers too (clients.md, "Browsers and proxies"), so a script of any origin reads every answer. */
describe('an answer for programs', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let granted: Granted

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    granted = await grant(server, { parameters: { scope: 'openid files:read' } })
  })
  afterAll(() => server.close())

  async function ask(path: string, init: RequestInit = {}): Promise<[number, string | null, string | null]> {
    const { status, headers } = await server.fetch(path, init)
    return [status, headers.get('Access-Control-Allow-Origin'), headers.get('Access-Control-Expose-Headers')]
  }
  const form = (fields: Record<string, string>, headers = {}): RequestInit => ({
    method: 'POST',
    body: new URLSearchParams(fields),
    headers,
  })
  const open = (status: number) => [status, '*', 'WWW-Authenticate,Retry-After,X-Request-Id']

  it('can be read where it is a success', async () => {
    const { tokens, clientId } = granted
    const refresh = { grant_type: 'refresh_token', client_id: clientId, refresh_token: tokens.refresh_token }
    const registration = {
      method: 'POST',
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'] }),
      headers: { 'Content-Type': 'application/json' },
    }
    expect(await ask('/token', form(refresh))).toEqual(open(200))
    const withKey = { Authorization: `Bearer ${mcp.key}` }
    expect(await ask('/introspect', form({ token: tokens.access_token }, withKey))).toEqual(open(200))
    const own = await grant(server, { parameters: { scope: 'openid', resource: undefined } })
    const withToken = { headers: { Authorization: `Bearer ${own.tokens.access_token}` } }
    expect(await ask('/userinfo', withToken)).toEqual(open(200))
    expect(await ask('/revoke', form({ token: 'any', client_id: clientId }))).toEqual(open(200))
    expect(await ask('/register', registration)).toEqual(open(201))
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/.well-known/jwks.json',
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/api',
      `/.well-known/oauth-protected-resource/${mcp.server_id}`,
    ])
      expect([path, await ask(path)]).toEqual([path, open(200)])
  })

  it('can be read where a registered client manages itself (RFC 7592)', async () => {
    const client = await registerClientByApi(server, { grant_types: ['client_credentials'] })
    const { registration_access_token: token } = client as RegisteredClient & Record<string, string>
    const headers = { Authorization: `Bearer ${token}` }
    const path = `/register/${client.client_id}`
    expect(await ask(path, { headers })).toEqual(open(200))
    expect(await ask(path, { method: 'DELETE', headers })).toEqual(open(204))
    expect(await ask(path, { headers })).toEqual(open(401))
  })

  it('can be read where it refuses', async () => {
    expect(await ask('/token', form({ grant_type: 'password' }))).toEqual(open(400))
    expect(await ask('/token')).toEqual(open(405))
    expect(await ask('/introspect', form({ token: 'any' }))).toEqual(open(401))
    expect(await ask('/userinfo')).toEqual(open(401))
    expect(await ask('/register', form({}))).toEqual(open(400))
    expect(await ask('/.well-known/jwks.json', { method: 'POST' })).toEqual(open(405))
    expect(await ask('/.well-known/oauth-protected-resource/srv_none')).toEqual(open(404))
  })

  it('is empty where it was known already, and can be read all the same', async () => {
    const path = '/.well-known/openid-configuration'
    const etag = (await server.fetch(path)).headers.get('ETag') ?? ''
    expect(await ask(path, { headers: { 'If-None-Match': etag } })).toEqual(open(304))
  })

  it.each(['/', '/sign-in', '/authorize', '/account', '/health', '/revocations'])(
    'of %s is not for scripts of other origins',
    async (path) => {
      expect((await ask(path))[1]).toBeNull()
    },
  )
})
