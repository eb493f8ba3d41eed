import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  refresh,
  registerClient,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const FILES = 'https://mcp.example.com/files'

describe('resource (RFC 8707; clients.md, "Issuer, resource, audience")', () => {
  let server: TestServer
  let browser: Browser
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server, { server_url: FILES })
    clientId = await registerClient(server)
    browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
  })
  afterAll(() => server.close())

  async function audienceOf(resource: string | undefined, scope?: string): Promise<unknown> {
    const { tokens } = await grant(server, {
      clientId,
      browser,
      parameters: { resource, ...(scope !== undefined && { scope }) },
    })
    return decodeJwt(tokens.access_token).aud
  }
  const errorOf = async (resource: string | undefined, more = {}) =>
    (
      await browser.open(authorizeUrl(clientId, createPkce(), { resource, ...more }))
    ).leftTo?.searchParams.get('error')

  it.each([
    ['as it was registered', FILES],
    ['with a trailing slash', `${FILES}/`],
    ['with an upper-case scheme and host', 'HTTPS://MCP.EXAMPLE.COM/files'],
    ['with the default port', 'https://mcp.example.com:443/files'],
    ['with a doubled slash', 'https://mcp.example.com//files'],
    ['as the bare origin, where one server lives there', 'https://mcp.example.com'],
    ['as the bare origin with a slash', 'https://mcp.example.com/'],
    ['left out, where one server can be meant', undefined],
  ])('%s, the token is for the registered address', async (_, resource) => {
    expect(await audienceOf(resource)).toBe(FILES)
  })

  it('scopes of OpenID Connect alone mean the issuer', async () => {
    expect(await audienceOf(undefined, 'openid email')).toBe(ISSUER)
  })

  it.each([
    'https://other.example.com/files',
    'https://mcp.example.com/other',
    'http://mcp.example.com/files',
    'https://mcp.example.com:8443/files',
    'https://user@mcp.example.com/files',
    'https://mcp.example.com/files#x',
    'https://mcp.example.com/files?x=1',
    'mcp.example.com/files',
    'urn:example:files',
  ])('%s is invalid_target', async (resource) => {
    expect(await errorOf(resource)).toBe('invalid_target')
  })

  it('is repeated at the token endpoint in any spelling, and changed by none', async () => {
    const exchange = async (resource: string) => {
      const pkce = createPkce()
      const code = (
        await authorize(server, authorizeUrl(clientId, pkce, { resource: FILES }), { browser })
      ).searchParams.get('code')
      const parameters = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: code ?? '',
        code_verifier: pkce.verifier,
      }
      return requestToken(server, { ...parameters, resource })
    }
    for (const resource of [FILES, `${FILES}/`, 'https://mcp.example.com', 'HTTPS://mcp.example.com/files']) {
      const { status, body } = await exchange(resource)
      expect([resource, status]).toEqual([resource, 200])
      expect((await refresh(server, { clientId }, body.refresh_token, { resource })).status).toBe(200)
    }
    expect((await exchange('https://other.example.com/')).body.error).toBe('invalid_target')
    expect((await exchange(ISSUER)).body.error).toBe('invalid_target')
  })

  describe('where a second server lives at the same origin', () => {
    const NOTES = 'https://mcp.example.com/notes'
    beforeAll(() => registerServer(server, { server_url: NOTES, scopes: ['notes:read'] }))

    it('the bare origin is ambiguous', async () => {
      expect(await errorOf('https://mcp.example.com')).toBe('invalid_target')
    })

    it('none is ambiguous, unless the scopes leave one', async () => {
      expect(await errorOf(undefined, { scope: undefined })).toBe('invalid_target')
      expect(await audienceOf(undefined, 'notes:read')).toBe(NOTES)
    })

    it('each address means its own', async () => {
      expect([await audienceOf(FILES), await audienceOf(NOTES)]).toEqual([FILES, NOTES])
    })
  })

  it('a server at its bare origin is meant by it, whoever else lives there', async () => {
    await registerServer(server, { server_url: 'https://root.example.com' })
    await registerServer(server, { server_url: 'https://root.example.com/mcp' })
    expect(await audienceOf('https://root.example.com/')).toBe('https://root.example.com')
  })
})
