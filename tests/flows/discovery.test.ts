import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

const TENANT = 'https://auth.example.com/tenant'

describe('discovery (RFC 8414, OpenID Connect Discovery, RFC 9728)', () => {
  let server: TestServer
  let tenant: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    tenant = await createTestServer({ issuer: TENANT })
  })
  afterAll(() => Promise.all([server.close(), tenant.close()]))

  it.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    '%s',
    async (path) => {
      const response = await server.fetch(path)
      expect(response.headers.get('Content-Type')).toBe('application/json')
      expect(response.headers.get('Cache-Control')).toMatch(/^public, max-age=\d+$/)
      expect(await response.json()).toMatchObject({
        issuer: ISSUER,
        authorization_endpoint: `${ISSUER}/authorize`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'private_key_jwt']),
      })
    },
  )

  it('answers 304 to whoever has it', async () => {
    const path = '/.well-known/oauth-authorization-server'
    const etag = (await server.fetch(path)).headers.get('ETag') ?? ''
    expect((await server.fetch(path, { headers: { 'If-None-Match': etag } })).status).toBe(304)
    expect((await server.fetch(path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
  })

  it.each([
    'https://auth.example.com/.well-known/oauth-authorization-server/tenant',
    'https://auth.example.com/.well-known/openid-configuration/tenant',
    'https://auth.example.com/tenant/.well-known/openid-configuration',
  ])('an issuer with a path is found at %s', async (url) => {
    const metadata = (await (await tenant.fetch(url)).json()) as Record<string, string>
    expect(metadata).toMatchObject({
      issuer: TENANT,
      token_endpoint: `${TENANT}/token`,
      jwks_uri: `${TENANT}/.well-known/jwks.json`,
    })
    for (const [name, endpoint] of Object.entries(metadata).filter(([key]) => /_endpoint$|_uri$/.test(key))) {
      expect(endpoint, name).toMatch(new RegExp(`^${TENANT}/`))
    }
    expect((await tenant.fetch(metadata['jwks_uri'] ?? '')).status).toBe(200)
  })

  it.each(['/health', '/ready', '/tenant/health', '/tenant/ready', '/tenant', '/tenant/'])(
    'an issuer with a path answers %s, by which probes and people find it',
    async (path) => {
      expect((await tenant.fetch(`https://auth.example.com${path}`)).status).toBe(200)
    },
  )

  it('every page of an issuer with a path stays below it', async () => {
    await registerServer(tenant)
    const { client_id } = (await (
      await tenant.fetch(`${TENANT}/register`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' }),
      })
    ).json()) as { client_id: string }
    const browser = createBrowser(tenant)
    const url = `${TENANT}${authorizeUrl(client_id, createPkce(), { redirect_uri: 'http://127.0.0.1:4000/cb' })}`
    const signIn = await browser.open(url)
    for (const link of signIn.html.querySelectorAll('[href],[src],[action]')) {
      const target =
        link.getAttribute('href') ?? link.getAttribute('src') ?? link.getAttribute('action') ?? ''
      if (!target.startsWith('data:')) expect(target).toMatch(/^\/tenant\//)
    }
    const consent = await browser.submit(signIn, OWNER, '/sign-in')
    const { leftTo } = await browser.submit(consent, { decision: 'approve' }, '/consent')
    expect(leftTo?.searchParams.get('iss')).toBe(TENANT)
  })

  it('describes each MCP server under the URL that it was registered with', async () => {
    const { server_id } = await registerServer(server, { server_url: 'https://mcp.example.com/mcp/' })
    const response = await server.fetch(`/.well-known/oauth-protected-resource/${server_id}`)
    expect(await response.json()).toEqual({
      resource: 'https://mcp.example.com/mcp/',
      authorization_servers: [ISSUER],
      bearer_methods_supported: ['header'],
      scopes_supported: ['files:read', 'files:write'],
      resource_name: 'Files',
    })
  })

  it.each(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/api'])(
    'describes the management API at %s',
    async (path) => {
      expect(await (await server.fetch(path)).json()).toMatchObject({
        resource: `${ISSUER}/api`,
        scopes_supported: ['manage'],
      })
    },
  )

  it('describes the management API of an issuer with a path, the path inserted', async () => {
    const response = await tenant.fetch(
      'https://auth.example.com/.well-known/oauth-protected-resource/tenant/api',
    )
    expect(await response.json()).toMatchObject({ resource: `${TENANT}/api` })
  })

  it('knows no server of another name', async () => {
    expect((await server.fetch('/.well-known/oauth-protected-resource/srv_none')).status).toBe(404)
  })
})
