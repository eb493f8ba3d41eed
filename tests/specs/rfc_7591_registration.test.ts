import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizeUrl, createPkce, grant, REDIRECT_URI, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { basic, createClient, errorIn, postForm, postJson, sentTo, WEB_REDIRECT_URI } from './requests.ts'

describe('RFC 7591, dynamic client registration', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())
  const register = (metadata: unknown) => postJson(server, '/register', metadata)
  const PUBLIC = { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' }

  describe('§3.2.1 the answer', () => {
    it('is 201, JSON, not to be stored', async () => {
      const { status, headers } = await register(PUBLIC)
      expect(status).toBe(201)
      expect(headers.get('Content-Type')).toMatch(/^application\/json/)
      expect(headers.get('Cache-Control')).toContain('no-store')
    })

    it('has all registered metadata, with the defaults of §2 and decision 0009', async () => {
      const { body } = await register({ redirect_uris: [WEB_REDIRECT_URI] })
      expect(body).toMatchObject({
        client_id: expect.any(String),
        client_secret: expect.any(String),
        client_secret_expires_at: 0,
        redirect_uris: [WEB_REDIRECT_URI],
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      })
    })

    it('a public client gets no secret, and no client_secret_expires_at', async () => {
      const { body } = await register(PUBLIC)
      expect(body).not.toHaveProperty('client_secret')
      expect(body).not.toHaveProperty('client_secret_expires_at')
    })

    it('nobody may manage a shared id: no registration_access_token (decisions.md)', async () => {
      const { body } = await register(PUBLIC)
      expect(body).not.toHaveProperty('registration_access_token')
      expect(body).not.toHaveProperty('registration_client_uri')
    })

    it('says what replaced a value: grants that this server has not', async () => {
      const grant_types = ['authorization_code', 'implicit', 'refresh_token', 'password']
      const { status, body } = await register({ ...PUBLIC, grant_types })
      expect(status).toBe(201)
      expect(body['grant_types']).toEqual(['authorization_code', 'refresh_token'])
    })

    it('answers client_name, client_uri, logo_uri, scope and contacts as they were sent, or leaves them out', async () => {
      const sent = {
        client_name: 'Ünïcode “client”',
        client_uri: 'https://client.example.com',
        logo_uri: 'https://client.example.com/logo.png',
        scope: 'files:read',
        contacts: ['dev@example.com'],
      }
      const { body } = await register({ ...PUBLIC, ...sent })
      expect(body['client_name']).toBe(sent.client_name)
      for (const [name, value] of Object.entries(sent)) {
        if (name in body) expect(body[name]).toEqual(value)
      }
    })

    it('§2 client_id_issued_at is seconds where it is there', async () => {
      const { body } = await register({ redirect_uris: [WEB_REDIRECT_URI] })
      if ('client_id_issued_at' in body) expect(body['client_id_issued_at']).toBe(server.clock.now / 1000)
    })
  })

  it('§2 members that nobody knows are ignored, and not answered as if they counted', async () => {
    const { status, body } = await register({ ...PUBLIC, frobnicate: true, nested: { a: [1] }, admin: 'yes' })
    expect(status).toBe(201)
    expect(body).not.toHaveProperty('frobnicate')
  })

  it('§2 an empty string or null for an optional member does not end the registration', async () => {
    for (const nothing of ['', null]) {
      const { status } = await register({
        ...PUBLIC,
        client_uri: nothing,
        logo_uri: nothing,
        tos_uri: nothing,
      })
      expect(status).toBe(201)
    }
  })

  describe('§3.2.2 invalid_redirect_uri', () => {
    const refused = [
      'http://client.example.com/callback',
      'https://client.example.com/callback#fragment',
      'https://user:pass@client.example.com/callback',
      'javascript:alert(1)',
      'data:text/html,x',
      'vbscript:x',
      'file:///etc/passwd',
      'blob:https://client.example.com/1',
      'about:blank',
      'ftp://client.example.com/',
      'urn:ietf:wg:oauth:2.0:oob',
      '/callback',
      '//client.example.com/callback',
      'https:///callback',
      'https://',
      '',
      'not a uri',
      'https://client.example.com/*',
      'https://*.example.com/callback',
      'http://127.0.0.1.attacker.example/callback',
      'http://localhost.attacker.example/callback',
      'http://127.0.0.1@attacker.example/',
      'http://[::2]/callback',
      'http://0.0.0.0/callback',
      'ms-settings:privacy',
      'intent://x#Intent;end',
    ]
    it.each(refused)('%j', async (uri) => {
      const answer = await register({ ...PUBLIC, redirect_uris: [uri] })
      expect(answer.body).toMatchObject({
        error: 'invalid_redirect_uri',
        error_description: expect.any(String),
      })
      expect(answer.status).toBe(400)
      expect(answer.headers.get('Cache-Control')).toContain('no-store')
    })

    it('one bad URI among good ones', async () => {
      const { body } = await register({ ...PUBLIC, redirect_uris: [REDIRECT_URI, 'javascript:alert(1)'] })
      expect(body['error']).toBe('invalid_redirect_uri')
    })

    it.each([undefined, [], null])(
      '§2 a client of a redirect flow MUST register URIs: %j',
      async (redirect_uris) => {
        const { status, body } = await register({ ...PUBLIC, redirect_uris })
        expect(status).toBe(400)
        expect(['invalid_redirect_uri', 'invalid_client_metadata']).toContain(body['error'])
      },
    )
  })

  describe('§3.2.2 invalid_client_metadata', () => {
    const refused: [string, unknown][] = [
      ['redirect_uris that is no list', { ...PUBLIC, redirect_uris: REDIRECT_URI }],
      ['redirect_uris with a number', { ...PUBLIC, redirect_uris: [1] }],
      ['an unknown token_endpoint_auth_method', { ...PUBLIC, token_endpoint_auth_method: 'magic' }],
      ['token_endpoint_auth_method of another type', { ...PUBLIC, token_endpoint_auth_method: 1 }],
      ['only grants that this server has not', { ...PUBLIC, grant_types: ['implicit'] }],
      ['grant_types that is no list', { ...PUBLIC, grant_types: 'authorization_code' }],
      [
        'response_types without code, which contradicts the grant (§2.1)',
        { ...PUBLIC, response_types: ['token'] },
      ],
      [
        'jwks and jwks_uri together (§2)',
        {
          ...PUBLIC,
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [] },
          jwks_uri: 'https://client.example.com/jwks',
        },
      ],
      ['private_key_jwt without keys', { ...PUBLIC, token_endpoint_auth_method: 'private_key_jwt' }],
      ['a client_name that is no text', { ...PUBLIC, client_name: { en: 'x' } }],
    ]
    it.each(refused)('%s', async (_case, metadata) => {
      const answer = await register(metadata)
      expect(['invalid_client_metadata', 'invalid_redirect_uri']).toContain(answer.body['error'])
      expect(answer.status).toBe(400)
      expect(answer.body['error_description']).toEqual(expect.any(String))
    })

    it.each(['null', '[]', '"text"', '1', '{', '', '\u0000'])('a body that is %j', async (body) => {
      const answer = await register(body)
      expect(answer.status).toBe(400)
      expect(['invalid_client_metadata', 'invalid_redirect_uri', 'invalid_request']).toContain(
        answer.body['error'],
      )
    })

    it('§3.1 another media type than JSON', async () => {
      const answer = await postForm(server, '/register', { redirect_uris: REDIRECT_URI })
      expect([400, 415]).toContain(answer.status)
      expect(answer.body['error']).toEqual(expect.any(String))
    })
  })

  it('§5 a dynamic client cannot use what only an owner gives: no scope of a server for machines', async () => {
    const { body } = await register({
      grant_types: ['client_credentials', 'authorization_code'],
      redirect_uris: [WEB_REDIRECT_URI],
    })
    const headers = { Authorization: basic(String(body['client_id']), String(body['client_secret'])) }
    const answer = await postForm(server, '/token', { grant_type: 'client_credentials' }, headers)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.body).not.toHaveProperty('access_token')
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'not a uri'])(
    '§2 client_uri is the address of a page: %j is refused or left out',
    async (uri) => {
      const { status, body } = await register({ ...PUBLIC, client_uri: uri, logo_uri: uri })
      expect([201, 400]).toContain(status)
      expect(JSON.stringify(body)).not.toContain(`_uri":"${uri}`)
    },
  )

  it('§2 a scope that the answer calls registered bounds what is asked of people', async () => {
    const { body } = await register({ ...PUBLIC, scope: 'files:read' })
    const parameters = { scope: 'files:read files:write' }
    const { tokens } = await grant(server, { clientId: String(body['client_id']), parameters })
    expect(tokens['scope']).toBe('scope' in body ? 'files:read' : 'files:read files:write')
  })

  it('§2 the scope of a pre-registered client bounds what is asked of people', async () => {
    const { client_id } = await createClient(server, {
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      scope: 'files:read',
    })
    const parameters = { scope: 'files:read files:write' }
    expect((await grant(server, { clientId: client_id, parameters })).tokens['scope']).toBe('files:read')
    const only = authorizeUrl(client_id, createPkce(), { scope: 'files:write' })
    expect(errorIn(await sentTo(server, only))).toBe('invalid_scope')
  })

  it('the answered client works, also a year later (clients cache their id for ever)', async () => {
    const { body } = await register({ ...PUBLIC, client_name: 'Cached' })
    const clientId = String(body['client_id'])
    server.clock.advance(366 * 86_400)
    const { tokens } = await grant(server, { clientId })
    expect((await refresh(server, { clientId }, tokens.refresh_token)).status).toBe(200)
    expect((await register({ ...PUBLIC, client_name: 'Cached' })).body['client_id']).toBe(clientId)
  })

  it('CORS: a browser client may register (clients.md)', async () => {
    const preflight = await server.fetch('/register', {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://inspector.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,mcp-protocol-version',
      },
    })
    expect(preflight.ok).toBe(true)
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain('content-type')
    const { headers } = await postJson(server, '/register', PUBLIC, { Origin: 'https://inspector.example' })
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(headers.get('Access-Control-Allow-Credentials')).toBeNull()
  })
})
