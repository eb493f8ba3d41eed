import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authorize,
  authorizeUrl,
  createPkce,
  MCP_URL,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import {
  type Answer,
  basic,
  createClient,
  type Parameters,
  postForm,
  postJson,
  type RegisteredClient,
  WEB_REDIRECT_URI,
} from './requests.ts'

describe('RFC 6749 §2.3 and OAuth 2.1 §2.4, client authentication', () => {
  let server: TestServer
  let byBasic: RegisteredClient
  let byPost: RegisteredClient
  let publicId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    byBasic = await createClient(server)
    byPost = await createClient(server, { token_endpoint_auth_method: 'client_secret_post' })
    publicId = await registerClient(server)
  })
  afterAll(() => server.close())

  /** A code of this client, and its verifier. */
  async function codeOf(client: RegisteredClient): Promise<Parameters> {
    const pkce = createPkce()
    const url = authorizeUrl(client.client_id, pkce, { redirect_uri: WEB_REDIRECT_URI })
    const code = (await authorize(server, url)).searchParams.get('code') ?? ''
    return { grant_type: 'authorization_code', code, code_verifier: pkce.verifier }
  }

  function expectInvalidClient(answer: Answer): void {
    expect(answer.body).toMatchObject({ error: 'invalid_client' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Basic realm="/)
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
  }

  it('§2.3.1 client_secret_basic', async () => {
    const headers = { Authorization: basic(byBasic.client_id, byBasic.client_secret) }
    expect((await postForm(server, '/token', await codeOf(byBasic), headers)).status).toBe(200)
  })

  it('§2.3.1 the scheme’s name is case insensitive (RFC 9110 §11.1)', async () => {
    const Authorization = basic(byBasic.client_id, byBasic.client_secret).replace('Basic', 'bASIC')
    expect((await postForm(server, '/token', await codeOf(byBasic), { Authorization })).status).toBe(200)
  })

  it('§2.3.1 client_secret_basic beside the same client_id in the body', async () => {
    const headers = { Authorization: basic(byBasic.client_id, byBasic.client_secret) }
    const request = { ...(await codeOf(byBasic)), client_id: byBasic.client_id }
    expect((await postForm(server, '/token', request, headers)).status).toBe(200)
  })

  it('§2.3.1 client_secret_post', async () => {
    const { client_id, client_secret } = byPost
    const request = { ...(await codeOf(byPost)), client_id, client_secret }
    expect((await postForm(server, '/token', request)).status).toBe(200)
  })

  it('§2.3.1 a dynamic confidential client: its id and secret survive form encoding in Basic', async () => {
    const { body } = await postJson(server, '/register', {
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const client = body as RegisteredClient
    const encodeAll = (text: string) =>
      [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    const Authorization = `Basic ${Buffer.from(
      `${encodeAll(client.client_id)}:${encodeAll(client.client_secret)}`,
    ).toString('base64')}`
    expect((await postForm(server, '/token', await codeOf(client), { Authorization })).status).toBe(200)
    const plain = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`
    expect((await postForm(server, '/token', await codeOf(client), { Authorization: plain })).status).toBe(
      200,
    )
  })

  it('§2.3 more than one method in one request is invalid_request', async () => {
    const headers = { Authorization: basic(byBasic.client_id, byBasic.client_secret) }
    const { client_id, client_secret } = byBasic
    const answer = await postForm(
      server,
      '/token',
      { ...(await codeOf(byBasic)), client_id, client_secret },
      headers,
    )
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('§2.3 another client_id in the body than in the header is refused', async () => {
    const headers = { Authorization: basic(byBasic.client_id, byBasic.client_secret) }
    const request = { ...(await codeOf(byBasic)), client_id: byPost.client_id }
    const answer = await postForm(server, '/token', request, headers)
    expect(['invalid_request', 'invalid_client']).toContain(answer.body['error'])
  })

  describe('§5.2 invalid_client is 401, with a challenge of the scheme that was used', () => {
    const wrong: [string, () => Promise<Answer>][] = [
      ['a wrong secret in Basic', () => withBasic(basic(byBasic.client_id, 'wrong'))],
      ['an empty secret in Basic', () => withBasic(basic(byBasic.client_id, ''))],
      ['another client’s secret', () => withBasic(basic(byBasic.client_id, byPost.client_secret))],
      ['an unknown client in Basic', () => withBasic(basic('unknown', 'secret'))],
      ['Basic without a colon', () => withBasic(`Basic ${btoa('nonsense')}`)],
      ['Basic that is not base64', () => withBasic('Basic ***')],
      ['Basic with broken percent encoding', () => withBasic(`Basic ${btoa('%ZZ:%')}`)],
    ]
    const withBasic = (Authorization: string) =>
      postForm(server, '/token', { grant_type: 'client_credentials' }, { Authorization })
    it.each(wrong)('%s', async (_case, request) => expectInvalidClient(await request()))

    const inBody: [string, () => Parameters][] = [
      ['no client at all', () => ({})],
      ['an unknown client_id (Claude re-registers on this)', () => ({ client_id: 'unknown' })],
      ['a forged dynamic client_id', () => ({ client_id: `${publicId.slice(0, -4)}AAAA` })],
      ['a confidential client without its secret', () => ({ client_id: byPost.client_id })],
      ['a wrong secret', () => ({ client_id: byPost.client_id, client_secret: 'wrong' })],
    ]
    it.each(inBody)('%s', async (_case, parameters) => {
      const request = { grant_type: 'refresh_token', refresh_token: 'rt_a.1.b', ...parameters() }
      const answer = await postForm(server, '/token', request)
      expect(answer.body).toMatchObject({ error: 'invalid_client' })
      expect(answer.status).toBe(401)
    })
  })

  it('RFC 9110 §15.5.2 a 401 MUST have a challenge, also where the client is in the body', async () => {
    const request = { grant_type: 'refresh_token', refresh_token: 'rt_a.1.b', client_id: 'unknown' }
    const { status, headers } = await postForm(server, '/token', request)
    expect(status).toBe(401)
    expect(headers.get('WWW-Authenticate')).not.toBeNull()
  })

  it('RFC 7591 §2 a secret is no substitute for the registered private_key_jwt', async () => {
    const keyed = await createClient(server, {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [await publicJwk()] },
    })
    expect(keyed).not.toHaveProperty('client_secret')
    const headers = { Authorization: basic(keyed.client_id, byBasic.client_secret) }
    expectInvalidClient(await postForm(server, '/token', await codeOf(keyed), headers))
    const bare = await postForm(server, '/token', { ...(await codeOf(keyed)), client_id: keyed.client_id })
    expect(bare).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })
  const publicJwk = async () => exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey)

  it('OAuth 2.1 §2.4 a public client that sends a secret is not taken for an authenticated one', async () => {
    const request = { grant_type: 'client_credentials', client_id: publicId, client_secret: 'invented' }
    const answer = await postForm(server, '/token', request)
    expect(['invalid_client', 'unauthorized_client']).toContain(answer.body['error'])
  })

  it('a secret that its owner replaced ends at once', async () => {
    const client = await createClient(server)
    const request = await codeOf(client)
    const { client_secret } = await server.manage<RegisteredClient>(
      'POST',
      `/clients/${client.client_id}/secret`,
    )
    const old = { Authorization: basic(client.client_id, client.client_secret) }
    expectInvalidClient(await postForm(server, '/token', request, old))
    const current = { Authorization: basic(client.client_id, client_secret) }
    expect((await postForm(server, '/token', request, current)).status).toBe(200)
  })

  describe('§4.4 client credentials', () => {
    it('only confidential clients may use the grant: it is refused at registration', async () => {
      const answer = await postJson(server, '/register', {
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'none',
      })
      expect(answer.status === 400 || !grantsOf(answer).includes('client_credentials')).toBe(true)
    })
    const grantsOf = (answer: Answer) => answer.body['grant_types'] as string[]

    it('§4.4.3 gives the scopes that the owner allowed, and no refresh token', async () => {
      const { server_id } = await registerServer(server, { server_url: 'https://machine.example.com/mcp' })
      const client = await createClient(server, {
        redirect_uris: undefined,
        grant_types: ['client_credentials'],
        servers: [{ server_id, scopes: ['files:read'] }],
      })
      const headers = { Authorization: basic(client.client_id, client.client_secret) }
      const request = { grant_type: 'client_credentials', resource: 'https://machine.example.com/mcp' }
      const { status, body } = await postForm(server, '/token', request, headers)
      expect(status).toBe(200)
      expect(body).toMatchObject({ token_type: 'Bearer', scope: 'files:read', expires_in: 3600 })
      expect(body).not.toHaveProperty('refresh_token')
      const more = await postForm(server, '/token', { ...request, scope: 'files:write' }, headers)
      expect(more).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
      const elsewhere = await postForm(server, '/token', { ...request, resource: MCP_URL }, headers)
      expect(elsewhere.status).toBe(400)
      expect(['invalid_target', 'invalid_scope']).toContain(elsewhere.body['error'])
    })
  })
})
