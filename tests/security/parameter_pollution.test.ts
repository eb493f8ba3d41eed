import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  type RegisteredServer,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const AUTHORIZE = [
  'response_type',
  'response_mode',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'prompt',
  'max_age',
]
const TOKEN = ['grant_type', 'code', 'client_id', 'client_secret', 'refresh_token']

describe('parameter pollution (RFC 6749 §3.1 and §3.2; contract.md, "Endpoints")', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  const VALUES: Record<string, string> = {
    response_type: 'code',
    code_challenge_method: 'S256',
    code_challenge: 'a'.repeat(43),
    max_age: '10',
    prompt: 'consent',
    response_mode: 'query',
  }

  it.each(AUTHORIZE)('%s twice in an authorization request', async (name) => {
    const value = VALUES[name] ?? 'x'
    const { leftTo } = await createBrowser(server).open(
      authorizeUrl(clientId, createPkce(), { [name]: [value, value] }),
    )
    expect(leftTo?.searchParams.get('error')).toBe('invalid_request')
    expect(leftTo?.searchParams.getAll('state')).toEqual(name === 'state' ? [] : ['a-state'])
  })

  async function post(path: string, body: URLSearchParams, headers: Record<string, string> = {}) {
    const response = await server.fetch(path, { method: 'POST', body, headers })
    return { status: response.status, error: ((await response.json()) as { error?: string }).error }
  }

  it.each(TOKEN)('%s twice in a token request', async (name) => {
    const grant_type = name === 'refresh_token' ? 'refresh_token' : 'authorization_code'
    const body = new URLSearchParams({ grant_type, client_id: clientId, code: 'x', refresh_token: 'rt_x' })
    for (const value of ['x', 'x']) body.append(name, body.get(name) ?? value)
    expect(await post('/token', body)).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('a client that authenticates twice is refused (RFC 6749 §2.3)', async () => {
    const { client_id, client_secret } = await server.manage<Record<string, string>>('POST', '/clients', {
      redirect_uris: ['https://app.example.com/'],
    })
    const Authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
    const both = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: 'rt_x',
      client_secret: client_secret ?? '',
    })
    expect(await post('/token', both, { Authorization })).toEqual({ status: 400, error: 'invalid_request' })
    const once = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'rt_x' })
    expect(await post('/token', once, { Authorization })).toEqual({ status: 400, error: 'invalid_grant' })
  })

  it('a client_id in the form that differs from the one that authenticates is refused', async () => {
    const { client_id, client_secret } = await server.manage<Record<string, string>>('POST', '/clients', {
      redirect_uris: ['https://app.example.com/'],
    })
    const Authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: 'rt_x',
      client_id: clientId,
    })
    expect(await post('/token', body, { Authorization })).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('token twice at introspection and revocation', async () => {
    const body = new URLSearchParams([
      ['token', 'a'],
      ['token', 'b'],
      ['client_id', clientId],
    ])
    expect(await post('/introspect', body, { Authorization: `Bearer ${mcp.key}` })).toEqual({
      status: 400,
      error: 'invalid_request',
    })
    expect(await post('/revoke', body)).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('resource may be repeated where it means one server, and never two (RFC 8707 §2)', async () => {
    const same = [mcp.server_url, mcp.server_url]
    const signIn = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), { resource: same }))
    expect(signIn.html.querySelector('form[action="/sign-in"]')).toBeTruthy()
    const two = [mcp.server_url, 'https://other.example.com/']
    const { leftTo } = await createBrowser(server).open(
      authorizeUrl(clientId, createPkce(), { resource: two }),
    )
    expect(leftTo?.searchParams.get('error')).toBe('invalid_target')
  })

  it('parameters in the query of a POST are not read', async () => {
    const response = await server.fetch(
      `/token?grant_type=refresh_token&client_id=${clientId}&refresh_token=x`,
      {
        method: 'POST',
        body: new URLSearchParams({ client_id: clientId }),
      },
    )
    expect(await response.json()).toMatchObject({
      error: 'invalid_request',
      error_description: 'grant_type is missing.',
    })
  })

  it.each(['multipart/form-data; boundary=x', 'text/plain', 'application/json', ''])(
    'a body of type %j is no form',
    async (type) => {
      const init = {
        method: 'POST',
        body: Buffer.from('grant_type=refresh_token'),
        headers: { 'Content-Type': type },
      }
      const response = await server.fetch('/token', init)
      expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
        400,
        'invalid_request',
      ])
    },
  )
})
