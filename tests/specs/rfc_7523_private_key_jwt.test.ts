import { createPublicKey } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import {
  type Answer,
  createClient,
  type Parameters,
  postForm,
  postJson,
  WEB_REDIRECT_URI,
} from './requests.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const TOKEN_ENDPOINT = `${ISSUER}/token`
type Claims = Record<string, unknown>

describe('RFC 7523, private_key_jwt', () => {
  let server: TestServer
  let key: CryptoKey
  let jwk: JWK
  let clientId: string
  let serial = 0

  beforeAll(async () => {
    server = await createTestServer()
    const { server_id } = await registerServer(server)
    const pair = await generateKeyPair('ES256', { extractable: true })
    key = pair.privateKey
    jwk = { ...(await exportJWK(pair.publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }
    const client = await createClient(server, {
      redirect_uris: undefined,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
      servers: [{ server_id, scopes: ['files:read'] }],
    })
    clientId = client.client_id
  })
  afterAll(() => server.close())

  /** An assertion that is right but for `changes`; undefined leaves a claim out. */
  function sign(
    changes: Claims = {},
    header: Record<string, unknown> = {},
    by: CryptoKey | Uint8Array = key,
  ) {
    const now = Math.floor(server.clock.now / 1000)
    const jti = `jti-${++serial}`
    const right = { iss: clientId, sub: clientId, aud: ISSUER, iat: now, exp: now + 60, jti }
    const claims = Object.entries({ ...right, ...changes }).filter(([, value]) => value !== undefined)
    return new SignJWT(Object.fromEntries(claims))
      .setProtectedHeader({ alg: 'ES256', kid: 'key-1', ...header })
      .sign(by)
  }
  const present = (client_assertion: string, more: Parameters = {}): Promise<Answer> =>
    postForm(server, '/token', {
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion,
      ...more,
    })
  function expectInvalidClient(answer: Answer): void {
    expect(answer.body).toMatchObject({ error: 'invalid_client' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
  }

  describe('§3 accepted', () => {
    const accepted: [string, Claims][] = [
      ['aud is the issuer', {}],
      ['aud is the token endpoint', { aud: TOKEN_ENDPOINT }],
      ['aud is a list with the issuer', { aud: [ISSUER] }],
      ['aud is a list with the token endpoint', { aud: [TOKEN_ENDPOINT] }],
      ['iat is left out, as it is optional', { iat: undefined }],
      ['claims that nobody knows', { foo: { bar: 1 } }],
    ]
    it.each(accepted)('%s', async (_case, claims) => {
      expect((await present(await sign(claims))).status).toBe(200)
    })

    it('client_id beside the assertion, when it is the same (RFC 7521 §4.2)', async () => {
      expect((await present(await sign(), { client_id: clientId })).status).toBe(200)
    })

    it('an assertion without kid, when one key fits', async () => {
      expect((await present(await sign({}, { kid: undefined }))).status).toBe(200)
    })

    it('nbf that has come', async () => {
      expect((await present(await sign({ nbf: server.clock.now / 1000 - 1 }))).status).toBe(200)
    })
  })

  describe('§3 refused with 401 invalid_client', () => {
    const now = () => Math.floor(server.clock.now / 1000)
    const refused: [string, () => Claims][] = [
      ['1. iss is missing', () => ({ iss: undefined })],
      ['2. sub is missing', () => ({ sub: undefined })],
      ['2. iss is not sub', () => ({ iss: 'https://idp.example' })],
      ['2. sub is another client', () => ({ sub: 'another', iss: 'another' })],
      ['3. aud is missing', () => ({ aud: undefined })],
      ['3. aud is another server', () => ({ aud: 'https://other.example' })],
      ['3. aud is a list of other servers', () => ({ aud: ['https://other.example', 'x'] })],
      ['3. aud is the issuer with a slash too many', () => ({ aud: `${ISSUER}//` })],
      ['3. aud begins with the issuer', () => ({ aud: `${ISSUER}.attacker.example` })],
      ['3. aud is an empty list', () => ({ aud: [] })],
      ['3. aud is an MCP server', () => ({ aud: 'https://mcp.example.com/mcp' })],
      ['4. exp is missing', () => ({ exp: undefined })],
      ['4. exp has passed', () => ({ iat: now() - 600, exp: now() - 300 })],
      ['4. exp is no number', () => ({ exp: 'tomorrow' })],
      ['5. nbf is yet to come', () => ({ nbf: now() + 300 })],
      ['6. iat is far ahead', () => ({ iat: now() + 3600, exp: now() + 3660 })],
    ]
    it.each(refused)('%s', async (_case, claims) => expectInvalidClient(await present(await sign(claims()))))

    it('7. the same jti again, as long as it has not expired', async () => {
      const assertion = await sign()
      expect((await present(assertion)).status).toBe(200)
      expectInvalidClient(await present(assertion))
      server.clock.advance(50)
      expectInvalidClient(await present(assertion))
    })

    it('7. the same jti again on another node', async () => {
      const node = await server.addNode()
      const assertion = await sign()
      expect((await present(assertion)).status).toBe(200)
      const replay = await postForm(node, '/token', {
        grant_type: 'client_credentials',
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: assertion,
      })
      expectInvalidClient(replay)
    })

    it('7. of 20 presentations of one assertion at once, one succeeds', async () => {
      const assertion = await sign()
      const answers = await Promise.all(Array.from({ length: 20 }, () => present(assertion)))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    })

    it('7. an assertion without jti (OIDC Core §9: required) is not good twice', async () => {
      const assertion = await sign({ jti: undefined })
      await present(assertion)
      expectInvalidClient(await present(assertion))
    })

    it('9. a signature by another key, under the right kid', async () => {
      const stranger = await generateKeyPair('ES256')
      expectInvalidClient(await present(await sign({}, {}, stranger.privateKey)))
    })

    it('9. a signature by another client’s key', async () => {
      const pair = await generateKeyPair('ES256', { extractable: true })
      await createClient(server, {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'key-1' }] },
      })
      expectInvalidClient(await present(await sign({}, {}, pair.privateKey)))
    })

    it('9. a kid that the client does not have', async () => {
      const stranger = await generateKeyPair('ES256')
      expectInvalidClient(await present(await sign({}, { kid: '../key-1' }, stranger.privateKey)))
    })

    it('9. a key that the header brings along (jwk)', async () => {
      const stranger = await generateKeyPair('ES256', { extractable: true })
      const header = { jwk: await exportJWK(stranger.publicKey), kid: undefined }
      expectInvalidClient(await present(await sign({}, header, stranger.privateKey)))
    })

    it('9. alg none', async () => {
      const [, payload] = (await sign()).split('.')
      const header = Buffer.from('{"alg":"none"}').toString('base64url')
      expectInvalidClient(await present(`${header}.${payload}.`))
    })

    it('9. HS256 with the public key as its secret', async () => {
      const spki = createPublicKey({ key: jwk, format: 'jwk' })
        .export({ format: 'pem', type: 'spki' })
        .toString()
      for (const secret of [spki, spki.trim(), JSON.stringify(jwk)]) {
        expectInvalidClient(await present(await sign({}, { alg: 'HS256' }, Buffer.from(secret))))
      }
    })

    it('9. a header with crit that nobody understands (RFC 7515 §4.1.11)', async () => {
      const [header = '', ...rest] = (await sign()).split('.')
      const fields = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), crit: ['x'], x: 1 }
      const changed = Buffer.from(JSON.stringify(fields)).toString('base64url')
      expectInvalidClient(await present([changed, ...rest].join('.')))
    })

    it.each(['x', '..', 'a.b.c', 'eyJ.eyJ.x', '💥'])('what is no JWT: %s', async (assertion) => {
      expectInvalidClient(await present(assertion))
    })
  })

  describe('RFC 7521 §4.2 the request', () => {
    it('client_id of another client than sub', async () => {
      const { status, body } = await present(await sign(), { client_id: 'another' })
      expect([400, 401]).toContain(status)
      expect(['invalid_client', 'invalid_request']).toContain(body['error'])
    })

    it.each([undefined, 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer', 'x'])(
      'client_assertion_type %s',
      async (client_assertion_type) => {
        const { status, body } = await present(await sign(), { client_assertion_type })
        expect([400, 401]).toContain(status)
        expect(['invalid_client', 'invalid_request']).toContain(body['error'])
      },
    )

    it('client_assertion_type without an assertion', async () => {
      const { status, body } = await present('')
      expect([400, 401]).toContain(status)
      expect(['invalid_client', 'invalid_request']).toContain(body['error'])
    })

    it('a secret beside the assertion: more than one method is invalid_request', async () => {
      const { body } = await present(await sign(), { client_id: clientId, client_secret: 'x' })
      expect(['invalid_client', 'invalid_request']).toContain(body['error'])
    })
  })

  it.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('%s is accepted, as the metadata says', async (alg) => {
    const pair = await generateKeyPair(alg, { extractable: true })
    const { body } = await postJson(server, '/register', {
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: `https://client.example.com/${alg}.json`,
    })
    const publicKey = await exportJWK(pair.publicKey)
    server.documents.set(`https://client.example.com/${alg}.json`, { keys: [{ ...publicKey, kid: alg }] })
    const id = String(body['client_id'])
    const assertion = await sign({ iss: id, sub: id }, { alg, kid: alg }, pair.privateKey)
    const answer = await present(assertion, { grant_type: 'refresh_token', refresh_token: 'rt_a.1.b' })
    expect(answer.body['error']).toBe('invalid_grant')
  })

  it('a new key at jwks_uri is found when its kid is not known yet (OIDC Core §10.1.1)', async () => {
    const url = 'https://rotating.example.com/jwks.json'
    const { body } = await postJson(server, '/register', {
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: url,
    })
    const id = String(body['client_id'])
    for (const kid of ['first', 'second']) {
      const pair = await generateKeyPair('ES256', { extractable: true })
      server.documents.set(url, { keys: [{ ...(await exportJWK(pair.publicKey)), kid }] })
      const assertion = await sign({ iss: id, sub: id }, { kid }, pair.privateKey)
      const answer = await present(assertion, { grant_type: 'refresh_token', refresh_token: 'rt_a.1.b' })
      expect(answer.body['error']).toBe('invalid_grant')
      server.clock.advance(600)
    }
  })
})
