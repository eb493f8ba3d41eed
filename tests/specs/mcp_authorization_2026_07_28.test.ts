import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { asksForConsent, getJson, offeredScopes, postForm, postJson, sentTo, signedIn } from './requests.ts'

/** docs/specification/2026-07-28/basic/authorization/ */
describe('MCP authorization, revision 2026-07-28', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  describe('"Authorization Response Validation"', () => {
    it('iss SHOULD be in successful responses, and equals the issuer of the metadata', async () => {
      const { body } = await getJson(server, '/.well-known/oauth-authorization-server')
      const { searchParams } = await authorize(server, authorizeUrl(clientId, createPkce()))
      expect(searchParams.get('iss')).toBe(body['issuer'])
    })

    it('iss SHOULD be in error responses', async () => {
      const { searchParams } = await sentTo(server, authorizeUrl(clientId, createPkce(), { prompt: 'none' }))
      expect(searchParams.get('error')).toBe('login_required')
      expect(searchParams.get('iss')).toBe(ISSUER)
    })

    it('who includes it MUST advertise it', async () => {
      for (const name of ['oauth-authorization-server', 'openid-configuration']) {
        const { body } = await getJson(server, `/.well-known/${name}`)
        expect(body['authorization_response_iss_parameter_supported']).toBe(true)
      }
    })
  })

  describe('"Refresh Tokens"', () => {
    it('offline_access in the authorization request does no harm, beside scopes of the server', async () => {
      const { tokens } = await grant(server, { clientId, parameters: { scope: 'files:read offline_access' } })
      expect(String(tokens['scope']).split(' ')).toContain('files:read')
      expect(tokens.refresh_token).toEqual(expect.any(String))
    })

    it('offline_access in the token request does no harm', async () => {
      const pkce = createPkce()
      const scope = 'files:read offline_access'
      const sent = await authorize(server, authorizeUrl(clientId, pkce, { scope }))
      const code = sent.searchParams.get('code') ?? ''
      const request = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: pkce.verifier,
      }
      expect((await postForm(server, '/token', { ...request, scope })).status).toBe(200)
    })

    it('without offline_access a client may refresh all the same (decision 0009)', async () => {
      const granted = await grant(server, { clientId, parameters: { scope: 'files:read' } })
      expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
    })

    it('protected resources SHOULD NOT list offline_access: it cannot be registered, or is not published', async () => {
      const url = 'https://offline.example.com/mcp'
      const scopes = ['files:read', 'offline_access']
      const registered = await registerServer(server, { server_url: url, scopes }).catch(() => undefined)
      if (registered === undefined) return
      const path = `/.well-known/oauth-protected-resource/${registered.server_id}`
      expect((await getJson(server, path)).body['scopes_supported']).toEqual(['files:read'])
    })
  })

  it('"Scope Challenge Handling": a challenged scope that the server never registered is dropped, the rest granted', async () => {
    const { tokens } = await grant(server, { clientId, parameters: { scope: 'files:read files:purge' } })
    expect(tokens['scope']).toBe('files:read')
  })

  it('"Step-Up Authorization Flow" 2: the union of what was asked before and the challenge is asked for', async () => {
    const browser = await signedIn(server)
    await grant(server, { clientId, browser, parameters: { scope: 'files:read' } })
    const page = await browser.open(authorizeUrl(clientId, createPkce(), { scope: 'files:read files:write' }))
    expect(asksForConsent(page)).toBe(true)
    expect(offeredScopes(page).sort()).toEqual(['files:read', 'files:write'])
  })

  describe('client-registration "Application Type and Redirect URI Constraints"', () => {
    const register = (metadata: Record<string, unknown>) =>
      postJson(server, '/register', { token_endpoint_auth_method: 'none', ...metadata })

    it.each([
      ['native', 'http://localhost:3000/callback'],
      ['native', 'http://127.0.0.1:3000/callback'],
      ['native', 'com.example.app:/callback'],
      ['web', 'https://app.example.com/callback'],
    ])('application_type %s with %s is registered and answered', async (application_type, uri) => {
      const { status, body } = await register({ application_type, redirect_uris: [uri] })
      expect(status).toBe(201)
      expect(body['application_type']).toBe(application_type)
    })

    it('clients of earlier revisions leave application_type out, with loopback redirects', async () => {
      const { status } = await register({ redirect_uris: ['http://localhost:3000/callback'] })
      expect(status).toBe(201)
    })

    it('an unknown application_type is refused, or replaced in the answer', async () => {
      const { status, body } = await register({
        application_type: 'toaster',
        redirect_uris: ['https://app.example.com/callback'],
      })
      if (status === 201) expect(body['application_type']).not.toBe('toaster')
      else expect(body['error']).toBe('invalid_client_metadata')
    })
  })

  it('"Authorization Server Binding": credentials of another authorization server are refused', async () => {
    const elsewhere = await createTestServer({ issuer: 'https://other.example.com' })
    const { body } = await postJson(elsewhere, '/register', {
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
    })
    await elsewhere.close()
    const request = { grant_type: 'refresh_token', refresh_token: 'x', client_id: String(body['client_id']) }
    const answer = await postForm(server, '/token', request)
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  describe('authorization-server-discovery', () => {
    it('"Authorization Server Metadata Discovery": the issuer is the one that built the URL', async () => {
      const { body } = await getJson(server, `/.well-known/oauth-protected-resource/${mcp.server_id}`)
      const [issuer] = body['authorization_servers'] as string[]
      const metadata = await getJson(server, `${issuer}/.well-known/oauth-authorization-server`)
      expect(metadata.body['issuer']).toBe(issuer)
    })

    it('MCP defines no well-known suffix of its own: there is none', async () => {
      expect((await server.fetch('/.well-known/mcp-authorization-server')).status).toBe(404)
    })
  })

  describe('security-considerations', () => {
    it('"Communication Security" 1: an issuer that is neither https nor loopback does not start', async () => {
      await expect(createTestServer({ issuer: 'http://auth.example.com' })).rejects.toThrow(/https/)
    })

    it('"Mix-Up Attacks": a code is not good at another server', async () => {
      const elsewhere = await createTestServer()
      const pkce = createPkce()
      const sent = await authorize(server, authorizeUrl(clientId, pkce))
      const id = await registerClient(elsewhere)
      const { status } = await postForm(elsewhere, '/token', {
        grant_type: 'authorization_code',
        client_id: id,
        code: sent.searchParams.get('code') ?? '',
        code_verifier: pkce.verifier,
      })
      await elsewhere.close()
      expect(status).toBe(400)
    })

    it('"Open Redirection": an unknown redirect is never followed, whatever else is wrong', async () => {
      const page = await createBrowser(server).open(
        authorizeUrl(clientId, createPkce(), {
          redirect_uri: 'https://attacker.example/',
          response_type: 'token',
        }),
      )
      expect(page).toMatchObject({ status: 400, leftTo: undefined })
    })
  })
})
