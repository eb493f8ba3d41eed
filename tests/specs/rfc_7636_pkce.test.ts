import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { authorize, authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { basic, createClient, errorIn, getJson, postForm, sentTo, WEB_REDIRECT_URI } from './requests.ts'

const s256 = (verifier: string) => createHash('sha256').update(verifier, 'ascii').digest('base64url')

describe('RFC 7636, PKCE', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  /** The answer to an exchange with `verifier` of a code that was asked for with `challenge`. */
  async function exchange(challenge: string, code_verifier: string | undefined) {
    const url = authorizeUrl(clientId, { verifier: '', challenge })
    const code = (await authorize(server, url)).searchParams.get('code') ?? ''
    const request = { grant_type: 'authorization_code', client_id: clientId, code }
    return postForm(server, '/token', { ...request, code_verifier })
  }

  it('appendix B: the verifier and the challenge of the RFC’s own example', async () => {
    const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
    expect((await exchange('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', verifier)).status).toBe(200)
  })

  describe('§4.1 the verifier is 43 to 128 unreserved characters', () => {
    const characters = 'abcXYZ019-._~'
    it.each([43, 128])('%i characters are accepted', async (length) => {
      const verifier = characters.repeat(10).slice(0, length)
      expect((await exchange(s256(verifier), verifier)).status).toBe(200)
    })
    it.each([42, 129])('%i characters are refused', async (length) => {
      const verifier = characters.repeat(10).slice(0, length)
      const { status, body } = await exchange(s256(verifier), verifier)
      expect(status).toBe(400)
      expect(['invalid_grant', 'invalid_request']).toContain(body['error'])
    })
    it.each(['+', '/', '=', ' ', 'ä'])('a verifier with %s is refused', async (character) => {
      const verifier = character.repeat(50)
      const { status, body } = await exchange(s256(verifier), verifier)
      expect(status).toBe(400)
      expect(['invalid_grant', 'invalid_request']).toContain(body['error'])
    })
  })

  describe('§4.4.1 the authorization request', () => {
    const { challenge } = createPkce()
    const cases: [string, Record<string, string | undefined>][] = [
      [
        'without code_challenge (OAuth 2.1 §7.5.2: required)',
        { code_challenge: undefined, code_challenge_method: undefined },
      ],
      ['with an empty code_challenge', { code_challenge: '' }],
      ['with code_challenge_method alone', { code_challenge: undefined }],
      ['with the method plain', { code_challenge_method: 'plain' }],
      ['without a method, which means plain (§4.3)', { code_challenge_method: undefined }],
      ['with an unknown method', { code_challenge_method: 'S512' }],
      ['with the method in lower case', { code_challenge_method: 's256' }],
      ['with a challenge of 42 characters', { code_challenge: challenge.slice(1) }],
      ['with a challenge of 44 characters, which no SHA-256 has', { code_challenge: `${challenge}A` }],
      ['with a challenge that has padding', { code_challenge: `${challenge}=` }],
      ['with a challenge in plain base64', { code_challenge: `${challenge.slice(2)}+/` }],
    ]
    it.each(cases)('%s is invalid_request', async (_case, parameters) => {
      const leftTo = await sentTo(server, authorizeUrl(clientId, createPkce(), parameters))
      expect(errorIn(leftTo)).toBe('invalid_request')
      expect(leftTo.searchParams.get('error_description')).toMatch(/code_challenge|PKCE/)
    })
  })

  describe('§4.6 the server verifies the verifier', () => {
    it('another verifier is invalid_grant', async () => {
      const answer = await exchange(createPkce().challenge, createPkce().verifier)
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    })

    it('the challenge itself is no verifier', async () => {
      const { challenge } = createPkce()
      const answer = await exchange(challenge, challenge)
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    })

    it.each([undefined, ''])('no verifier (%j) is refused', async (verifier) => {
      const answer = await exchange(createPkce().challenge, verifier)
      expect(answer.status).toBe(400)
      expect(['invalid_grant', 'invalid_request']).toContain(answer.body['error'])
    })
  })

  it('OAuth 2.1 §7.5.2 a confidential client needs PKCE as well', async () => {
    const client = await createClient(server)
    const url = authorizeUrl(client.client_id, createPkce(), {
      redirect_uri: WEB_REDIRECT_URI,
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    expect(errorIn(await sentTo(server, url))).toBe('invalid_request')
  })

  it('RFC 9700 §2.1.1 a confidential client’s code is not given for a wrong verifier', async () => {
    const client = await createClient(server)
    const url = authorizeUrl(client.client_id, createPkce(), { redirect_uri: WEB_REDIRECT_URI })
    const code = (await authorize(server, url)).searchParams.get('code') ?? ''
    const answer = await postForm(
      server,
      '/token',
      { grant_type: 'authorization_code', code, code_verifier: createPkce().verifier },
      { Authorization: basic(client.client_id, client.client_secret) },
    )
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('RFC 8414 §2 code_challenge_methods_supported says S256 and not plain', async () => {
    const { body } = await getJson(server, '/.well-known/oauth-authorization-server')
    expect(body['code_challenge_methods_supported']).toEqual(['S256'])
  })
})
