import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { registerClientByApi } from '../support/registered_client.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const SHY_URL = 'https://shy.example.com/mcp'

let server: TestServer
let mcp: RegisteredServer

beforeAll(async () => {
  server = await createTestServer()
  mcp = await registerServer(server)
  await registerServer(server, { server_url: SHY_URL, server_name: 'Shy', identity: [] })
})
afterAll(() => server.close())

describe('the claims of an access token (RFC 9068 section 2.2)', () => {
  it('are these, and no others', async () => {
    const { tokens, clientId } = await grant(server)
    const now = Math.floor(server.clock.now / 1000)
    expect(decodeJwt(tokens.access_token)).toEqual({
      iss: ISSUER,
      sub: expect.stringMatching(/^usr_[a-z2-7]{26}$/),
      aud: MCP_URL,
      client_id: clientId,
      scope: 'files:read files:write',
      iat: now,
      exp: now + 3600,
      jti: expect.stringMatching(/^[\w-]{22}$/),
      auth_time: now,
      grant_id: expect.stringMatching(/^.{16,}$/),
      email: 'owner@example.com',
    })
  })

  it('have an audience that is one string: the address as it was registered, however it was asked for', async () => {
    for (const resource of ['HTTPS://MCP.example.com/mcp/', 'https://mcp.example.com']) {
      const { tokens } = await grant(server, { parameters: { resource } })
      expect(decodeJwt(tokens.access_token).aud).toBe(MCP_URL)
    }
  })

  it('keep the time of the sign-in and the grant across refreshes; jti is new each time', async () => {
    const granted = await grant(server)
    const first = decodeJwt(granted.tokens.access_token)
    server.clock.advance(600)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    const second = decodeJwt(body.access_token)
    expect(second).toEqual({
      ...first,
      iat: Number(first.iat) + 600,
      exp: Number(first.exp) + 600,
      jti: second.jti,
    })
    expect(second.jti).not.toBe(first.jti)
  })

  it('name another grant after another authorization, of the same person and client', async () => {
    const browser = createBrowser(server)
    const clientId = await registerClient(server)
    const first = await grant(server, { clientId, browser })
    server.clock.advance(60)
    const second = await grant(server, { clientId, browser })
    const [one, two] = [first, second].map(({ tokens }) => decodeJwt(tokens.access_token))
    expect(two?.['grant_id']).not.toBe(one?.['grant_id'])
    expect(two?.sub).toBe(one?.sub)
    expect(two?.['auth_time']).toBe(one?.['auth_time'])
  })

  it('hold the scopes of this token, without offline_access, which is none of the resource’s', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'files:read offline_access' } })
    expect(decodeJwt(tokens.access_token)['scope']).toBe('files:read')
  })

  it('are for the issuer alone where identity alone was asked for', async () => {
    const { tokens } = await grant(server, { parameters: { scope: 'openid email', resource: undefined } })
    const claims = decodeJwt(tokens.access_token)
    expect(claims.aud).toBe(ISSUER)
    expect(claims).not.toHaveProperty('email')
  })

  it('are about the client in its own name: sub is its id, and there is no person and no grant', async () => {
    const { client_id, client_secret = '' } = await registerClientByApi(server, {
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
    const { body } = await requestToken(
      server,
      { grant_type: 'client_credentials' },
      { Authorization: `Basic ${basic}` },
    )
    const claims = decodeJwt(body.access_token)
    expect(claims).toMatchObject({ sub: client_id, client_id, aud: MCP_URL, scope: 'files:read' })
    expect(client_id).not.toMatch(/^usr_/)
    for (const claim of ['auth_time', 'grant_id', 'email']) expect(claims).not.toHaveProperty(claim)
  })
})

describe('email', () => {
  it('is not told to a server that does not ask for it', async () => {
    const { tokens } = await grant(server, { parameters: { resource: SHY_URL } })
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('email')
  })

  it('is told once the server asks and the person has consented anew, not before', async () => {
    const registered = await registerServer(server, {
      server_url: 'https://curious.example.com',
      server_name: 'Curious',
      identity: [],
    })
    const browser = createBrowser(server)
    const clientId = await registerClient(server)
    const parameters = { resource: registered.server_url }
    const before = await grant(server, { clientId, browser, parameters })
    await server.manage('PATCH', `/servers/${registered.server_id}`, { identity: ['email'] })
    const { body } = await refresh(server, before, before.tokens.refresh_token)
    expect(decodeJwt(body.access_token)).not.toHaveProperty('email')

    // The remembered consent does not cover it: the person is asked.
    const page = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
    expect(page.form('/consent').fields.get('request')).toBeTruthy()
    expect(page.text()).toContain('owner@example.com')
    const pkce = createPkce()
    const sentTo = await authorize(server, authorizeUrl(clientId, pkce, parameters), { browser })
    const after = await requestToken(server, {
      grant_type: 'authorization_code',
      client_id: clientId,
      code: sentTo.searchParams.get('code') ?? '',
      code_verifier: pkce.verifier,
    })
    expect(decodeJwt(after.body.access_token)['email']).toBe('owner@example.com')
  })
})
