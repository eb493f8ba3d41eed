import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { getJson, postForm } from './requests.ts'

const OAUTH = '/.well-known/oauth-authorization-server'
const OIDC = '/.well-known/openid-configuration'

describe('RFC 8414 and OpenID Connect Discovery', () => {
  let server: TestServer
  let metadata: Record<string, unknown>

  beforeAll(async () => {
    server = await createTestServer()
    metadata = (await getJson(server, OAUTH)).body
  })
  afterAll(() => server.close())

  it.each([OAUTH, OIDC])('§3.2 %s is 200 and application/json', async (path) => {
    const { status, headers } = await getJson(server, path)
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
  })

  it('§3.2 both documents say the same', async () => {
    expect((await getJson(server, OIDC)).body).toEqual(metadata)
  })

  it('§3.3 the issuer is ours byte for byte, without a slash at its end', () => {
    expect(metadata['issuer']).toBe(ISSUER)
  })

  it('nothing is derived from Host or forwarding headers', async () => {
    const headers = {
      'X-Forwarded-Host': 'attacker.example',
      'X-Forwarded-Proto': 'https',
      Forwarded: 'host=a.example',
    }
    expect((await getJson(server, OAUTH, headers)).body).toEqual(metadata)
  })

  it('§3.2 members without values are left out', () => {
    for (const value of Object.values(metadata)) {
      expect(value).not.toBeNull()
      if (Array.isArray(value)) expect(value.length).toBeGreaterThan(0)
    }
  })

  it('§2 has the required and the recommended members', () => {
    expect(metadata).toMatchObject({
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      registration_endpoint: `${ISSUER}/register`,
      introspection_endpoint: `${ISSUER}/introspect`,
      revocation_endpoint: `${ISSUER}/revoke`,
      userinfo_endpoint: `${ISSUER}/userinfo`,
      end_session_endpoint: `${ISSUER}/logout`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    })
    expect(metadata['grant_types_supported']).toEqual(
      expect.arrayContaining(['authorization_code', 'refresh_token', 'client_credentials']),
    )
    expect(metadata['response_modes_supported']).toEqual(expect.arrayContaining(['query', 'form_post']))
  })

  it('§2 the client authentication methods, with none (Codex and opencode look for it)', () => {
    const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
    expect(metadata['token_endpoint_auth_methods_supported']).toEqual(expect.arrayContaining(methods))
    expect(metadata['revocation_endpoint_auth_methods_supported']).toEqual(expect.arrayContaining(methods))
  })

  it('§2 signing algorithms MUST be there with private_key_jwt, and MUST NOT have none', () => {
    for (const endpoint of ['token', 'revocation']) {
      const algs = metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`]
      expect(algs).toEqual(expect.arrayContaining(['RS256', 'ES256']))
      expect(algs).not.toContain('none')
      expect(JSON.stringify(algs)).not.toContain('HS')
    }
  })

  it('§2 introspection methods are registered names of methods or of access token types', () => {
    const registered = [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'client_secret_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
      'Bearer',
      'DPoP',
    ]
    const methods = metadata['introspection_endpoint_auth_methods_supported'] as string[]
    expect(methods.filter((method) => !registered.includes(method))).toEqual([])
    expect(methods).toContain('client_secret_basic')
  })

  it('OIDC Discovery §3 the required members', () => {
    expect(metadata['subject_types_supported']).toEqual(['public'])
    expect(metadata['id_token_signing_alg_values_supported']).toContain('RS256')
    expect(metadata['scopes_supported']).toContain('openid')
    expect(metadata['request_uri_parameter_supported']).toBe(false)
    expect(metadata['claims_parameter_supported']).not.toBe(true)
    expect(metadata['claims_supported']).toEqual(expect.arrayContaining(['sub', 'email', 'email_verified']))
  })

  it('clients.md scopes_supported is minimal: nothing of any MCP server', () => {
    const scopes = metadata['scopes_supported'] as string[]
    expect(scopes.filter((scope) => !['openid', 'email', 'offline_access'].includes(scope))).toEqual([])
  })

  it('§2 every endpoint exists and answers something of its own', async () => {
    for (const [name, url] of Object.entries(metadata)) {
      if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue
      const response = await server.fetch(String(url))
      expect(response.status, name).not.toBe(404)
      expect(response.status, name).toBeLessThan(500)
    }
  })

  it('§2 every grant type that is announced is known to the token endpoint, others are not', async () => {
    for (const grant_type of metadata['grant_types_supported'] as string[]) {
      const { body } = await postForm(server, '/token', { grant_type, client_id: 'x' })
      expect(body['error'], grant_type).not.toBe('unsupported_grant_type')
    }
  })

  it('the JWKS has public signing keys only, each with kid, use and alg', async () => {
    const { status, headers, body } = await getJson(server, '/.well-known/jwks.json')
    expect(status).toBe(200)
    expect(headers.get('Cache-Control')).toMatch(/max-age=\d+/)
    const keys = body['keys'] as Record<string, unknown>[]
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      expect(key).toMatchObject({ kid: expect.any(String), use: 'sig', alg: expect.any(String) })
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'])
        expect(key).not.toHaveProperty(secret)
      expect(key['kty']).not.toBe('oct')
    }
    expect(new Set(keys.map((key) => key['kid'])).size).toBe(keys.length)
  })

  it('a document may be cached, and is validated by its ETag', async () => {
    const { headers } = await getJson(server, OAUTH)
    expect(headers.get('Cache-Control')).toMatch(/max-age=\d+/)
    const etag = headers.get('ETag')
    if (etag !== null) {
      expect((await server.fetch(OAUTH, { headers: { 'If-None-Match': etag } })).status).toBe(304)
    }
  })

  it.each([OAUTH, OIDC, '/.well-known/jwks.json'])('CORS: %s is readable from anywhere', async (path) => {
    const { headers } = await getJson(server, path, { Origin: 'https://inspector.example' })
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    const preflight = await server.fetch(path, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://inspector.example',
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'MCP-Protocol-Version',
      },
    })
    expect(preflight.ok).toBe(true)
    expect(preflight.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain(
      'mcp-protocol-version',
    )
  })

  it('HEAD is answered like GET, without a body (RFC 9110 §9.1)', async () => {
    const response = await server.fetch(OAUTH, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })

  it('§3 for an issuer without a path, the forms of other tenants are not answered', async () => {
    for (const path of [`${OAUTH}/tenant1`, `${OIDC}/tenant1`, `/tenant1${OIDC}`]) {
      expect((await server.fetch(path)).status).toBe(404)
    }
  })
})

describe('RFC 8414 §3.1, an issuer with a path', () => {
  const issuer = 'https://auth.example.com/tenant1'
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer({ issuer })
  })
  afterAll(() => server.close())

  it.each([`${OAUTH}/tenant1`, `${OIDC}/tenant1`, `/tenant1${OIDC}`])('%s', async (path) => {
    const { status, body } = await getJson(server, path)
    expect(status).toBe(200)
    expect(body['issuer']).toBe(issuer)
    for (const [name, url] of Object.entries(body)) {
      if (name.endsWith('_endpoint') || name === 'jwks_uri')
        expect(String(url)).toMatch(/^https:\/\/auth\.example\.com\/tenant1\//)
    }
  })

  it('contract.md also the path-appended form of the OAuth document', async () => {
    expect((await getJson(server, `/tenant1${OAUTH}`)).body['issuer']).toBe(issuer)
  })

  it('§3.3 the documents of the bare origin are not those of this issuer', async () => {
    for (const path of [OAUTH, OIDC, `${OAUTH}/tenant2`, `${OIDC}/tenant1/more`]) {
      const { status, body } = await getJson(server, path)
      expect(status === 404 || body['issuer'] === issuer).toBe(true)
    }
    expect((await getJson(server, `${OAUTH}/tenant2`)).status).toBe(404)
  })

  it('the keys and the endpoints are where the document says', async () => {
    const { body } = await getJson(server, `${OAUTH}/tenant1`)
    expect((await getJson(server, String(body['jwks_uri']))).body['keys']).toBeDefined()
    for (const name of ['token_endpoint', 'registration_endpoint', 'revocation_endpoint']) {
      const { status, body: answer } = await postForm(server, String(body[name]), {})
      expect(status, name).not.toBe(404)
      expect(answer['error'], name).toEqual(expect.any(String))
    }
  })
})
