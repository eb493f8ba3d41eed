import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { basic, createClient, postForm, postJson, WEB_REDIRECT_URI } from './requests.ts'

describe('RFC 7009, token revocation', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())
  const revoke = (parameters: Record<string, string | string[]>, headers?: Record<string, string>) =>
    postForm(server, '/revoke', parameters, headers)
  const isActive = async (token: string) => (await introspect(server, mcp.key, token))['active']

  it('§2.1 a refresh token ends, and the access tokens of its grant with it', async () => {
    const { clientId, tokens } = await grant(server)
    const { status } = await revoke({ client_id: clientId, token: tokens.refresh_token })
    expect(status).toBe(200)
    expect(await isActive(tokens.access_token)).toBe(false)
    const again = await refresh(server, { clientId }, tokens.refresh_token)
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('§2.1 a superseded refresh token ends its whole family too', async () => {
    const { clientId, tokens } = await grant(server)
    const next = await refresh(server, { clientId }, tokens.refresh_token)
    await revoke({ client_id: clientId, token: tokens.refresh_token })
    expect(await isActive(next.body.access_token)).toBe(false)
    const again = await refresh(server, { clientId }, next.body.refresh_token)
    expect(again.body.error).toBe('invalid_grant')
  })

  it('§2 an access token ends immediately', async () => {
    const { clientId, tokens } = await grant(server)
    expect(await isActive(tokens.access_token)).toBe(true)
    expect((await revoke({ client_id: clientId, token: tokens.access_token })).status).toBe(200)
    expect(await isActive(tokens.access_token)).toBe(false)
  })

  it('§2 other grants of the same person to the same client go on', async () => {
    const first = await grant(server)
    const second = await grant(server, { clientId: first.clientId })
    await revoke({ client_id: first.clientId, token: first.tokens.refresh_token })
    expect(await isActive(second.tokens.access_token)).toBe(true)
    expect((await refresh(server, second, second.tokens.refresh_token)).status).toBe(200)
  })

  it.each(['refresh_token', 'access_token', 'id_token', 'nonsense'])(
    '§2.1 token_type_hint=%s, right or wrong, is but a hint',
    async (token_type_hint) => {
      for (const kind of ['refresh_token', 'access_token'] as const) {
        const { clientId, tokens } = await grant(server)
        const answer = await revoke({ client_id: clientId, token: tokens[kind], token_type_hint })
        expect(answer.status).toBe(200)
        expect(await isActive(tokens.access_token)).toBe(false)
      }
    },
  )

  it('§2.2 an invalid token is no error: 200', async () => {
    const client_id = await registerClient(server)
    for (const token of ['unknown', 'rt_a.1.b', 'a.b.c', '💥', `eyJ${'x'.repeat(3000)}`]) {
      expect((await revoke({ client_id, token })).status).toBe(200)
    }
  })

  it('§2.2 revoking twice is no error', async () => {
    const { clientId, tokens } = await grant(server)
    await revoke({ client_id: clientId, token: tokens.refresh_token })
    expect((await revoke({ client_id: clientId, token: tokens.refresh_token })).status).toBe(200)
  })

  it('§2.1 the token of another client is not revoked', async () => {
    const { tokens } = await grant(server)
    const other = await registerClient(server, { client_name: 'Another' })
    for (const token of [tokens.refresh_token, tokens.access_token]) {
      const { status, body } = await revoke({ client_id: other, token })
      expect(status === 200 || body['error'] !== undefined).toBe(true)
    }
    expect(await isActive(tokens.access_token)).toBe(true)
  })

  describe('§2.1 client authentication', () => {
    it('a confidential client must authenticate, and may', async () => {
      const client = await createClient(server)
      const url = { redirect_uri: WEB_REDIRECT_URI }
      const pkce = createPkce()
      const sent = await authorize(server, authorizeUrl(client.client_id, pkce, url))
      const Authorization = basic(client.client_id, client.client_secret)
      const request = {
        grant_type: 'authorization_code',
        code: sent.searchParams.get('code') ?? '',
        code_verifier: pkce.verifier,
      }
      const { body } = await postForm(server, '/token', request, { Authorization })
      const token = String(body['refresh_token'])
      const bare = await revoke({ client_id: client.client_id, token })
      expect(bare).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      expect(await isActive(String(body['access_token']))).toBe(true)
      const wrong = await revoke({ token }, { Authorization: basic(client.client_id, 'wrong') })
      expect(wrong).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      expect(wrong.headers.get('WWW-Authenticate')).toMatch(/^Basic/)
      expect((await revoke({ token }, { Authorization })).status).toBe(200)
      expect(await isActive(String(body['access_token']))).toBe(false)
    })

    it('nobody and an unknown client get invalid_client', async () => {
      expect(await revoke({ token: 'x' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
      const unknown = await revoke({ token: 'x', client_id: 'unknown' })
      expect(unknown).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    })
  })

  it('§2.2.1 without token it is invalid_request', async () => {
    const client_id = await registerClient(server)
    expect(await revoke({ client_id })).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const empty = await revoke({ client_id, token: '' })
    expect(empty).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const twice = await revoke({ client_id, token: ['a', 'b'] })
    expect(twice).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('contract.md takes JSON too', async () => {
    const { clientId, tokens } = await grant(server)
    const answer = await postJson(server, '/revoke', { client_id: clientId, token: tokens.refresh_token })
    expect(answer.status).toBe(200)
    expect(await isActive(tokens.access_token)).toBe(false)
  })

  it.each(['null', '[]', '"text"', '{', '{"token":1}', '{"token":["a"]}'])(
    'contract.md the JSON %s is invalid_request, or a client that did not say who it is',
    async (body) => {
      const { status, body: answer } = await postJson(server, '/revoke', body)
      expect([400, 401]).toContain(status)
      expect(['invalid_request', 'invalid_client']).toContain(answer['error'])
    },
  )
})
