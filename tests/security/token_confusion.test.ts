import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, postForm } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  registerServer,
  type TokenBody,
} from '../support/flow.ts'
import { createGenuineSigner, decodeJwt, respell } from '../support/forged_jwt.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

describe('RFC 8725 §2.8 and RFC 9068 §4: tokens of another kind', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let tokens: TokenBody
  let sign: Awaited<ReturnType<typeof createGenuineSigner>>

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    tokens = (await grant(server, { parameters: { scope: 'openid files:read' } })).tokens
    sign = await createGenuineSigner(server)
  })
  afterAll(() => server.close())

  const isActive = async (token: string) => (await introspect(server, mcp.key, token))['active']
  const bearer = (path: string, token: string) =>
    server.fetch(path, { headers: { Authorization: `Bearer ${token}` } })

  it('control: a token that the same key signed anew is active', async () => {
    const { payload } = decodeJwt(tokens.access_token)
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, payload))).toBe(true)
  })

  it('an id_token is no access token, at introspection, userinfo and the management API', async () => {
    const idToken = String(tokens['id_token'])
    expect(await isActive(idToken)).toBe(false)
    for (const path of ['/userinfo', '/api/servers']) expect((await bearer(path, idToken)).status).toBe(401)
  })

  it('an id_token with every claim of an access token is none, by its typ', async () => {
    const { payload } = decodeJwt(tokens.access_token)
    for (const typ of ['JWT', undefined, '', 'jwt', 'id_token', 'at+JWT+x', 'dpop+jwt', 'logout+jwt']) {
      expect(await isActive(await sign('ES256', { typ }, payload))).toBe(false)
    }
  })

  it('a refresh token is not active at introspection (contract.md)', async () => {
    expect(await isActive(tokens.refresh_token)).toBe(false)
    for (const token_type_hint of ['refresh_token', 'access_token', 'anything']) {
      const response = await server.fetch('/introspect', {
        method: 'POST',
        headers: { Authorization: `Bearer ${mcp.key}` },
        body: new URLSearchParams({ token: tokens.refresh_token, token_type_hint }),
      })
      expect(await response.json()).toEqual({ active: false })
    }
  })

  it('a refresh token is no bearer token', async () => {
    for (const path of ['/userinfo', '/api/servers']) {
      expect((await bearer(path, tokens.refresh_token)).status).toBe(401)
    }
  })

  it('an API key, an authorization code and an admin token are not active', async () => {
    for (const token of [
      mcp.key,
      'A'.repeat(43),
      'an-admin-token-for-tests-only-0123456789',
      MCP_URL,
      '{}',
    ]) {
      expect(await isActive(token)).toBe(false)
    }
  })

  it('an expired token is refused, to the second', async () => {
    const { payload } = decodeJwt(tokens.access_token)
    const now = Math.floor(server.clock.now / 1000)
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, { ...payload, exp: now + 1 }))).toBe(true)
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, { ...payload, exp: now }))).toBe(false)
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, { ...payload, exp: now - 3600 }))).toBe(
      false,
    )
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, { ...payload, nbf: now + 60 }))).toBe(false)
  })

  it.each([
    ['of another issuer', { iss: 'https://attacker.example' }],
    ['of our issuer with a slash', { iss: `${ISSUER}/` }],
    ['of our issuer in capitals', { iss: ISSUER.toUpperCase() }],
    ['without an issuer', { iss: undefined }],
    ['of two issuers', { iss: [ISSUER] }],
    ['without an expiry', { exp: undefined }],
    ['with an expiry that is text', { exp: '9999999999' }],
    ['without a subject', { sub: undefined }],
    ['without a client', { client_id: undefined }],
    ['without a jti, which could not be revoked', { jti: undefined }],
    ['without a scope', { scope: undefined }],
    ['with a scope that is a list', { scope: ['files:read'] }],
    ['without an audience', { aud: undefined }],
    ['for two audiences', { aud: [MCP_URL, 'https://other.example/mcp'] }],
    ['for the audience with a slash', { aud: `${MCP_URL}/` }],
    ['for the origin of the audience', { aud: 'https://mcp.example.com' }],
  ])('a token %s is refused (RFC 9068 §4)', async (_name, change) => {
    const { payload } = decodeJwt(tokens.access_token)
    expect(await isActive(await sign('ES256', { typ: 'at+jwt' }, { ...payload, ...change }))).toBe(false)
  })

  it('a token of another key of ours, for id_tokens, is held to the same', async () => {
    const { payload } = decodeJwt(String(tokens['id_token']))
    for (const alg of ['RS256', 'EdDSA'] as const) {
      expect(await isActive(await sign(alg, { typ: 'JWT' }, { ...payload, aud: MCP_URL }))).toBe(false)
    }
  })

  it('a revoked token stays revoked in another spelling of its signature', async () => {
    const granted = await grant(server)
    const other = respell(granted.tokens.access_token)
    expect(other).not.toBe(granted.tokens.access_token)
    expect(await isActive(other)).toBe(true)
    await postForm(server, '/revoke', { client_id: granted.clientId, token: granted.tokens.access_token })
    expect(await isActive(other)).toBe(false)
  })

  it('an access token is no id_token_hint (OpenID Connect RP-Initiated Logout §2)', async () => {
    const { browser } = await createSignedInBrowser(server)
    const withToken = (id_token_hint: string) =>
      browser.open(`/logout?${new URLSearchParams({ id_token_hint })}`)
    const asked = await withToken(tokens.access_token)
    expect(asked.html.querySelector('form[action$="/logout"]')).not.toBeNull()
    const done = await withToken(String(tokens['id_token']))
    expect(done.html.querySelector('form[action$="/logout"]')).toBeNull()
  })

  it('an id_token_hint of somebody else does not answer prompt=none for who is signed in', async () => {
    const { clientId, tokens: own } = await grant(server, { parameters: { scope: 'openid' } })
    const { payload } = decodeJwt(String(own['id_token']))
    const foreign = await sign('RS256', { typ: 'JWT' }, { ...payload, sub: 'usr_somebodyelse' })
    const { browser } = await createSignedInBrowser(server)
    const parameters = { scope: 'openid', resource: undefined, prompt: 'none', id_token_hint: foreign }
    const page = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
    expect(page.leftTo?.searchParams.get('error')).toBe('login_required')
    expect((await createBrowser(server).open('/account')).url).toContain('/sign-in')
  })
})
