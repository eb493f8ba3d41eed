import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

describe('the authorization code flow', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  it('leads from registration to a token that the MCP server sees as active', async () => {
    const { tokens, clientId } = await grant(server)
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'files:read files:write' })
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({
      active: true,
      aud: MCP_URL,
      iss: ISSUER,
      client_id: clientId,
      scope: 'files:read files:write',
      email: 'owner@example.com',
      username: 'owner@example.com',
      token_type: 'Bearer',
    })
  })

  it('answers the client with code, state and iss', async () => {
    const sentTo = await authorize(server, authorizeUrl(await registerClient(server), createPkce()))
    expect(sentTo.origin + sentTo.pathname).toBe('http://127.0.0.1:33418/callback')
    expect([...sentTo.searchParams.keys()].sort()).toEqual(['code', 'iss', 'state'])
    expect(sentTo.searchParams.get('iss')).toBe(ISSUER)
    expect(sentTo.searchParams.get('state')).toBe('a-state')
  })

  it('refreshes, and the new access token works', async () => {
    const granted = await grant(server)
    const { status, body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(status).toBe(200)
    expect(body.refresh_token).not.toBe(granted.tokens.refresh_token)
    expect(await introspect(server, mcp.key, body.access_token)).toMatchObject({ active: true })
  })

  it('revokes a grant with its refresh token, and its access tokens at once', async () => {
    const { clientId, tokens } = await grant(server)
    const response = await server.fetch('/revoke', {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId, token: tokens.refresh_token }),
    })
    expect(response.status).toBe(200)
    expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
    expect((await refresh(server, { clientId }, tokens.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('exchanges a code once; the replay ends what it issued', async () => {
    const { clientId, code, pkce, tokens } = await grant(server)
    const replay = {
      grant_type: 'authorization_code',
      client_id: clientId,
      code,
      code_verifier: pkce.verifier,
    }
    expect(await requestToken(server, replay)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
    expect((await refresh(server, { clientId }, tokens.refresh_token)).body.error).toBe('invalid_grant')
  })
})
