import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  REDIRECT_URI,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { type Answer, createClient, type Parameters, postForm, WEB_REDIRECT_URI } from './requests.ts'

describe('RFC 6749 and OAuth 2.1, token endpoint', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  const token = (parameters: Parameters, headers?: Record<string, string>) =>
    postForm(server, '/token', parameters, headers)

  /** A request that would succeed, and a code of its own. */
  async function exchange(
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Parameters> {
    const pkce = createPkce()
    const url = authorizeUrl(clientId, pkce, parameters)
    const code = (await authorize(server, url)).searchParams.get('code') ?? ''
    return { grant_type: 'authorization_code', client_id: clientId, code, code_verifier: pkce.verifier }
  }

  function expectError(answer: Answer, error: string, status = 400): void {
    expect(answer.body).toMatchObject({ error })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/)
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
    // §5.2: %x20-21 / %x23-5B / %x5D-7E
    expect(String(answer.body['error_description'])).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  }

  describe('§5.1 the successful answer', () => {
    it('is JSON with access_token, token_type and expires_in, and must not be stored', async () => {
      const { status, headers, body } = await token(await exchange())
      expect(status).toBe(200)
      expect(headers.get('Content-Type')).toMatch(/^application\/json/)
      expect(headers.get('Cache-Control')).toContain('no-store')
      expect(body).toMatchObject({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 3600,
        refresh_token: expect.any(String),
      })
    })

    it('§3.3 says the scope where it differs from the one asked for, and here always', async () => {
      const dropped = await token(await exchange({ scope: 'files:read moon:land' }))
      expect(dropped.body['scope']).toBe('files:read')
      const same = await token(await exchange({ scope: 'files:read' }))
      expect(same.body['scope']).toBe('files:read')
      const none = await token(await exchange({ scope: undefined }))
      expect(none.body['scope']).toBe('files:read files:write')
    })
  })

  describe('§5.2 errors', () => {
    const malformed: [string, Parameters, string][] = [
      ['grant_type missing', { grant_type: undefined }, 'invalid_request'],
      ['grant_type empty (§3.2: as if it were left out)', { grant_type: '' }, 'invalid_request'],
      ['grant_type unknown', { grant_type: 'moon' }, 'unsupported_grant_type'],
      ['grant_type=password, which OAuth 2.1 removed', { grant_type: 'password' }, 'unsupported_grant_type'],
      ['grant_type=implicit', { grant_type: 'implicit' }, 'unsupported_grant_type'],
      ['code missing', { code: undefined }, 'invalid_request'],
      ['code empty', { code: '' }, 'invalid_request'],
      ['code unknown', { code: 'unknown' }, 'invalid_grant'],
      ['code that is not even text of ours', { code: '\u0000\uFFFF💥' }, 'invalid_grant'],
      ['redirect_uri of another', { redirect_uri: 'https://attacker.example/callback' }, 'invalid_grant'],
    ]
    it.each(malformed)('%s', async (_case, changes, error) => {
      const answer = await token({ ...(await exchange()), ...changes })
      if (changes['code'] === '\u0000\uFFFF💥')
        expect(['invalid_grant', 'invalid_request']).toContain(answer.body['error'])
      else expectError(answer, error)
    })

    it.each(['grant_type', 'code', 'code_verifier', 'client_id', 'redirect_uri', 'client_secret', 'scope'])(
      '§3.2 %s given twice is invalid_request',
      async (name) => {
        const request = await exchange()
        const value = String(request[name] ?? 'x')
        expectError(await token({ ...request, [name]: [value, value] }), 'invalid_request')
      },
    )

    it.each(['refresh_token', 'scope', 'client_id', 'client_assertion', 'client_assertion_type'])(
      '§3.2 %s given twice in a refresh is invalid_request',
      async (name) => {
        const { tokens } = await grant(server, { clientId })
        const request = {
          grant_type: 'refresh_token',
          client_id: clientId,
          refresh_token: tokens.refresh_token,
        }
        const value = { ...request, scope: 'files:read' }[name] ?? 'x'
        expectError(await token({ ...request, [name]: [value, value] }), 'invalid_request')
      },
    )

    it('a request that failed for its form does not use up the code', async () => {
      const request = await exchange()
      expectError(await token({ ...request, code_verifier: undefined }), 'invalid_request')
      expect((await token(request)).status).toBe(200)
    })

    it('unauthorized_client: a grant that the client did not register', async () => {
      const id = await registerClient(server, { grant_types: ['authorization_code'] })
      expectError(
        await token({ grant_type: 'refresh_token', client_id: id, refresh_token: 'rt_a.1.b' }),
        'unauthorized_client',
      )
      expectError(await token({ grant_type: 'client_credentials', client_id: id }), 'unauthorized_client')
    })

    it('a client without the refresh grant gets no refresh token', async () => {
      const id = await registerClient(server, { client_name: 'Once', grant_types: ['authorization_code'] })
      expect((await grant(server, { clientId: id })).tokens).not.toHaveProperty('refresh_token')
    })

    it('invalid_grant: the code of another client (§4.1.3)', async () => {
      const other = await registerClient(server, { client_name: 'Another' })
      const request = await exchange()
      expectError(await token({ ...request, client_id: other }), 'invalid_grant')
      expect((await token(request)).status).toBe(200)
    })

    it('invalid_grant: the refresh token of another client (§6)', async () => {
      const { tokens } = await grant(server, { clientId })
      const other = await registerClient(server, { client_name: 'Another' })
      const request = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
      expectError(await token({ ...request, client_id: other }), 'invalid_grant')
      expect((await token({ ...request, client_id: clientId })).status).toBe(200)
    })

    it('invalid_grant: a code older than its lifetime of 60 s', async () => {
      const request = await exchange()
      server.clock.advance(61)
      expectError(await token(request), 'invalid_grant')
    })

    it('invalid_grant: a code that was used (§4.1.2)', async () => {
      const request = await exchange()
      expect((await token(request)).status).toBe(200)
      expectError(await token(request), 'invalid_grant')
    })

    it('invalid_request: a refresh without a refresh_token', async () => {
      expectError(await token({ grant_type: 'refresh_token', client_id: clientId }), 'invalid_request')
      const empty = { grant_type: 'refresh_token', client_id: clientId, refresh_token: '' }
      expectError(await token(empty), 'invalid_request')
    })

    it.each(['rt_', 'x', 'rt_a.b.c', 'rt_aaaa.1.bbbb', `rt_${'a'.repeat(5000)}`, 'rt_a.-1.c', 'rt_a.1e9.c'])(
      'invalid_grant: the invented refresh token %s',
      async (refresh_token) => {
        expectError(
          await token({ grant_type: 'refresh_token', client_id: clientId, refresh_token }),
          'invalid_grant',
        )
      },
    )

    it('invalid_scope: a refresh that asks for more than was granted (§6)', async () => {
      const { tokens } = await grant(server, { clientId, parameters: { scope: 'files:read' } })
      const request = {
        grant_type: 'refresh_token',
        client_id: clientId,
        refresh_token: tokens.refresh_token,
      }
      expectError(await token({ ...request, scope: 'files:read files:write' }), 'invalid_scope')
      expect((await token(request)).status).toBe(200)
    })
  })

  it('§6 a narrower scope narrows that access token only', async () => {
    const { tokens } = await grant(server, { clientId })
    const request = { grant_type: 'refresh_token', client_id: clientId }
    const narrow = await token({ ...request, refresh_token: tokens.refresh_token, scope: 'files:read' })
    expect(narrow.body['scope']).toBe('files:read')
    const whole = await token({ ...request, refresh_token: String(narrow.body['refresh_token']) })
    expect(whole.body['scope']).toBe('files:read files:write')
  })

  it('§3.2 unknown parameters are ignored, also when they are given twice', async () => {
    expect((await token({ ...(await exchange()), foo: ['1', '2'], audience: 'x' })).status).toBe(200)
  })

  it('§3.2 parameters without a value are as if they were left out', async () => {
    const answer = await token({
      ...(await exchange()),
      scope: '',
      resource: '',
      redirect_uri: '',
      client_secret: '',
    })
    expect(answer.status).toBe(200)
  })

  it('OAuth 2.1 §10.2 redirect_uri is not needed, and is compared where it comes', async () => {
    const request = await exchange()
    expect((await token({ ...request, redirect_uri: REDIRECT_URI })).status).toBe(200)
  })

  it('RFC 6749 §4.1.3 another of the client’s own redirect URIs is not the code’s', async () => {
    const client = await createClient(server, {
      redirect_uris: [WEB_REDIRECT_URI, `${WEB_REDIRECT_URI}2`],
      token_endpoint_auth_method: 'none',
    })
    const pkce = createPkce()
    const url = authorizeUrl(client.client_id, pkce, { redirect_uri: WEB_REDIRECT_URI })
    const code = (await authorize(server, url)).searchParams.get('code') ?? ''
    const request = {
      grant_type: 'authorization_code',
      client_id: client.client_id,
      code,
      code_verifier: pkce.verifier,
      redirect_uri: `${WEB_REDIRECT_URI}2`,
    }
    expectError(await token(request), 'invalid_grant')
  })

  describe('§3.2 the form of the request', () => {
    it('takes a charset beside the media type', async () => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8' }
      expect((await token(await exchange(), headers)).status).toBe(200)
    })

    it('ignores the case of the media type (RFC 9110 §8.3.1)', async () => {
      const headers = { 'Content-Type': 'Application/X-WWW-Form-Urlencoded' }
      expect((await token(await exchange(), headers)).status).toBe(200)
    })

    it('§2.3.1 takes no parameters from the URL', async () => {
      const request = await exchange()
      const query = new URLSearchParams(Object.entries(request).map(([name, value]) => [name, String(value)]))
      expectError(await postForm(server, `/token?${query}`, {}), 'invalid_request')
    })

    it('refuses JSON with invalid_request, or with 415', async () => {
      const response = await server.fetch('/token', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(await exchange()),
      })
      expect([400, 415]).toContain(response.status)
      expect(await response.json()).toMatchObject({ error: 'invalid_request' })
    })

    it('is POST only: GET gets 405 with Allow (RFC 9110 §15.5.6)', async () => {
      const response = await server.fetch('/token?grant_type=authorization_code')
      expect(response.status).toBe(405)
      expect(response.headers.get('Allow')).toContain('POST')
    })

    it('answers a body of more than 64 KiB with 413', async () => {
      const answer = await token({ grant_type: 'authorization_code', code: 'x'.repeat(65 * 1024) })
      expect(answer.status).toBe(413)
      expect(answer.body).toMatchObject({ error: expect.any(String) })
    })

    it('answers broken percent encoding with an error of the client, not of the server', async () => {
      const response = await server.fetch('/token', {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: 'grant_type=%ZZ%FF&client_id=%E4',
      })
      expect([400, 401]).toContain(response.status)
      expect(await response.json()).toMatchObject({ error: expect.any(String) })
    })
  })
})
