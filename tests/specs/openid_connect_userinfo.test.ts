import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorizeUrl, createPkce, grant, refresh, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { claimsOf, getJson, postForm, signedIn } from './requests.ts'

describe('OpenID Connect Core §5.3, userinfo', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())
  const grantOf = (scope: string) => grant(server, { clientId, parameters: { scope, resource: undefined } })
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

  it('§5.3.1 GET and POST with the token in the header', async () => {
    const { tokens } = await grantOf('openid email')
    const expected = { email: 'owner@example.com', email_verified: true, sub: expect.any(String) }
    const byGet = await getJson(server, '/userinfo', bearer(tokens.access_token))
    expect(byGet).toMatchObject({ status: 200, body: expected })
    const byPost = await postForm(server, '/userinfo', {}, bearer(tokens.access_token))
    expect(byPost).toMatchObject({ status: 200, body: expected })
  })

  it('§5.3.2 JSON, not to be stored, with the sub of the id_token', async () => {
    const { tokens } = await grantOf('openid email')
    const { headers, body } = await getJson(server, '/userinfo', bearer(tokens.access_token))
    expect(headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(headers.get('Cache-Control')).toContain('no-store')
    expect(body['sub']).toBe(claimsOf(tokens['id_token'])['sub'])
  })

  it('§5.4 only what the scope grants: openid alone gives sub', async () => {
    const { tokens } = await grantOf('openid')
    const { body } = await getJson(server, '/userinfo', bearer(tokens.access_token))
    expect(Object.keys(body)).toEqual(['sub'])
  })

  it('what the person did not approve is not there', async () => {
    const pkce = createPkce()
    const browser = await signedIn(server)
    const page = await browser.open(
      authorizeUrl(clientId, pkce, { scope: 'openid email', resource: undefined }),
    )
    const { leftTo } = await browser.submit(page, { decision: 'approve', scope: ['openid'] }, '/consent')
    const request = { grant_type: 'authorization_code', client_id: clientId, code_verifier: pkce.verifier }
    const code = leftTo?.searchParams.get('code') ?? ''
    const { body } = await postForm(server, '/token', { ...request, code })
    expect(body['scope']).toBe('openid')
    expect(
      (await getJson(server, '/userinfo', bearer(String(body['access_token'])))).body,
    ).not.toHaveProperty('email')
  })

  it('RFC 6750 §2.2 the token in a form body, where it is taken', async () => {
    const { tokens } = await grantOf('openid')
    const { status } = await postForm(server, '/userinfo', { access_token: tokens.access_token })
    expect([200, 400, 401]).toContain(status)
  })

  it('OAuth 2.1 §5.1.1 a token in the URL is not taken', async () => {
    const { tokens } = await grantOf('openid')
    expect((await server.fetch(`/userinfo?access_token=${tokens.access_token}`)).status).toBe(401)
  })

  it('RFC 6750 §3.1 without a token: 401, a Bearer challenge, no error code', async () => {
    const { status, headers } = await getJson(server, '/userinfo')
    expect(status).toBe(401)
    expect(headers.get('WWW-Authenticate')).toMatch(/^Bearer/)
    expect(headers.get('WWW-Authenticate')).not.toContain('error=')
  })

  describe('RFC 6750 §3.1 invalid_token: 401 with the error in the challenge', () => {
    const cases: [string, () => Promise<string>][] = [
      ['nonsense', async () => 'nonsense'],
      [
        'a changed token',
        async () => `${(await grantOf('openid')).tokens.access_token.slice(0, -8)}AAAAAAAA`,
      ],
      ['a refresh token', async () => (await grantOf('openid')).tokens.refresh_token],
      ['an id_token', async () => String((await grantOf('openid')).tokens['id_token'])],
    ]
    it.each(cases)('%s', async (_case, token) => {
      const { status, headers } = await getJson(server, '/userinfo', bearer(await token()))
      expect(status).toBe(401)
      expect(headers.get('WWW-Authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
    })

    it('an expired one', async () => {
      const { tokens } = await grantOf('openid')
      server.clock.advance(3601)
      const { status, headers } = await getJson(server, '/userinfo', bearer(tokens.access_token))
      expect(status).toBe(401)
      expect(headers.get('WWW-Authenticate')).toContain('invalid_token')
    })

    it('a revoked one', async () => {
      const { tokens } = await grantOf('openid')
      await postForm(server, '/revoke', { client_id: clientId, token: tokens.refresh_token })
      expect((await getJson(server, '/userinfo', bearer(tokens.access_token))).status).toBe(401)
    })
  })

  it('decision 0005: a token for an MCP server is refused, even with openid in its scope', async () => {
    const { tokens } = await grant(server, { clientId, parameters: { scope: 'openid email files:read' } })
    const { status, headers, body } = await getJson(server, '/userinfo', bearer(tokens.access_token))
    expect([401, 403]).toContain(status)
    expect(headers.get('WWW-Authenticate')).toMatch(/^Bearer .*error="(invalid_token|insufficient_scope)"/)
    expect(JSON.stringify(body)).not.toContain('owner@example.com')
  })

  it('§12 a refreshed token is good too', async () => {
    const granted = await grantOf('openid')
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect((await getJson(server, '/userinfo', bearer(body.access_token))).status).toBe(200)
  })

  it('RFC 6750 §2.1 the scheme’s name is case insensitive', async () => {
    const { tokens } = await grantOf('openid')
    const headers = { Authorization: `bearer ${tokens.access_token}` }
    expect((await getJson(server, '/userinfo', headers)).status).toBe(200)
  })

  it('§5.3 CORS: a browser client may read it, with the challenge', async () => {
    const { tokens } = await grantOf('openid')
    const headers = { ...bearer(tokens.access_token), Origin: 'https://spa.example' }
    const answer = await getJson(server, '/userinfo', headers)
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*')
    const refused = await getJson(server, '/userinfo', { Origin: 'https://spa.example' })
    expect(refused.headers.get('Access-Control-Expose-Headers')?.toLowerCase()).toContain('www-authenticate')
  })
})
