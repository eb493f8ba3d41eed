import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postJson } from '../support/attacker.ts'
import { registerServer, requestToken } from '../support/flow.ts'
import { attackerKeys, decodeJwt, forgeriesOf, signJwt } from '../support/forged_jwt.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: 'a-key', use: 'sig' }

describe('RFC 7523 §3 and RFC 8725: forged client assertions', () => {
  let server: TestServer
  let clientId: string
  let fetched: string[]

  beforeAll(async () => {
    fetched = []
    server = await createTestServer({
      fetchPublicUrl: async (url) => {
        fetched.push(url.href)
        const body = Buffer.from(JSON.stringify(attackerKeys('a-key')))
        return { body, contentType: 'application/json', cacheControl: '' }
      },
    })
    const { server_id } = await registerServer(server)
    clientId = await registerRobot(server_id)
  })
  afterAll(() => server.close())

  async function registerRobot(server_id: string, more: object = {}): Promise<string> {
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      client_name: 'Robot',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicJwk] },
      servers: [{ server_id, scopes: ['files:read'] }],
      ...more,
    })
    return client_id
  }

  function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
    const now = Math.floor(server.clock.now / 1000)
    return {
      iss: clientId,
      sub: clientId,
      aud: ISSUER,
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      ...changes,
    }
  }
  function assert(changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
    return signJwt({ alg: 'ES256', kid: 'a-key', typ: 'JWT', ...header }, claims(changes), privateKey)
  }
  async function present(client_assertion: string, more: Record<string, string> = {}) {
    const { status, body } = await requestToken(server, {
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER,
      client_assertion,
      ...more,
    })
    return [status, body.error]
  }

  it('control: a genuine one is taken, for the issuer and for the endpoint', async () => {
    expect(await present(assert())).toEqual([200, undefined])
    expect(await present(assert({ aud: `${ISSUER}/token` }))).toEqual([200, undefined])
    expect(await present(assert(), { client_id: clientId })).toEqual([200, undefined])
  })

  it('none, HMAC under the public key, keys it brings along, kid tricks and mangled ones are refused', async () => {
    const genuine = assert()
    const forgeries = forgeriesOf(genuine, publicJwk)
    expect(forgeries.length).toBeGreaterThan(100)
    for (const { name, token } of forgeries) {
      const [status, error] = await present(token)
      expect([name, status, error]).toEqual([
        name,
        expect.toBeOneOf([400, 401]),
        expect.stringMatching(/^invalid_(client|request)$/),
      ])
    }
    expect(fetched).toEqual([])
    // None of them used the jti up: the client still gets in.
    expect(await present(genuine)).toEqual([200, undefined])
  })

  it('a replayed jti is refused, in parallel and on another node too (RFC 7523 §3)', async () => {
    const assertion = assert()
    const answers = await Promise.all(Array.from({ length: 10 }, () => present(assertion)))
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1)
    const other = await server.addNode()
    const { status } = await requestToken(other, {
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER,
      client_assertion: assertion,
    })
    expect(status).toBe(401)
  })

  it('the jti of another assertion, signed anew, is refused', async () => {
    const jti = randomUUID()
    expect(await present(assert({ jti }))).toEqual([200, undefined])
    expect(await present(assert({ jti, aud: `${ISSUER}/token` }))).toEqual([401, 'invalid_client'])
  })

  it.each([
    ['for another server (audience injection, CVE-2025-27370)', { aud: 'https://other.example' }],
    ['for the issuer with a slash', { aud: `${ISSUER}/` }],
    ['for another endpoint', { aud: `${ISSUER}/register` }],
    [
      'for us and another server, who could present it here (RFC 7523bis §4)',
      { aud: [ISSUER, 'https://other.example'] },
    ],
    ['for nobody', { aud: undefined }],
    ['of another issuer', { iss: 'https://attacker.example' }],
    ['of an issuer that is a list', { iss: ['x'] }],
    ['without an issuer', { iss: undefined }],
    ['that expires never', { exp: undefined }],
    ['that expires in a year', { exp: 1_900_000_000 }],
    ['that has expired', { exp: 1_700_000_000 }],
    ['that begins later', { nbf: 1_900_000_000 }],
    ['without a jti', { jti: undefined }],
    ['with an empty jti', { jti: '' }],
    ['with a jti that is a number', { jti: 1 }],
    ['with a jti of 100 kB', { jti: 'x'.repeat(10_000) }],
  ])('one %s is refused', async (_name, change) => {
    expect(await present(assert(change))).toEqual([401, 'invalid_client'])
  })

  it('one of another client of ours is worth nothing for this one', async () => {
    const { servers } = await server.manage<{ servers: { server_id: string }[] }>('GET', '/servers')
    const other = await registerRobot(servers[0]?.server_id ?? '', {
      jwks: { keys: attackerKeys('a-key').keys.slice(0, 1) },
    })
    expect(await present(assert({ iss: other, sub: other }))).toEqual([401, 'invalid_client'])
    expect((await present(assert(), { client_id: other }))[1]).toMatch(/^invalid_/)
    expect((await present(assert({ sub: other })))[0]).toBe(401)
  })

  it('an access token or an id_token of ours is no assertion', async () => {
    const { body } = await requestToken(server, {
      grant_type: 'client_credentials',
      client_assertion_type: JWT_BEARER,
      client_assertion: assert(),
    })
    expect(decodeJwt(body.access_token).payload['sub']).toBe(clientId)
    expect(await present(body.access_token)).toEqual([401, 'invalid_client'])
  })

  it('other assertion types, and two ways at once, are refused', async () => {
    for (const type of [
      'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      'jwt',
      '',
      JWT_BEARER.toUpperCase(),
    ]) {
      expect((await present(assert(), { client_assertion_type: type }))[0]).toBeGreaterThanOrEqual(400)
    }
    expect((await present(assert(), { client_secret: 'x' }))[0]).toBe(400)
    expect((await present(assert(), { client_id: clientId, client_secret: 'x' }))[0]).toBe(400)
  })

  it('a client that authenticates so does not get in by its id alone, or by a secret', async () => {
    const parameters = { grant_type: 'client_credentials', client_id: clientId }
    expect((await requestToken(server, parameters)).status).toBe(401)
    expect((await requestToken(server, { ...parameters, client_secret: '' })).status).toBe(401)
    expect(
      (await requestToken(server, { ...parameters, client_secret: JSON.stringify(publicJwk) })).status,
    ).toBe(401)
  })

  it.each([
    ['symmetric', { kty: 'oct', k: 'AAAA', alg: 'HS256' }],
    ['private', { ...privateKey.export({ format: 'jwk' }) }],
    ['symmetric beside a public part', { ...publicJwk, k: 'AAAA' }],
  ])('a %s key cannot be registered', async (_name, key) => {
    const metadata = {
      redirect_uris: ['https://app.example/cb'],
      token_endpoint_auth_method: 'private_key_jwt',
    }
    expect((await postJson(server, '/register', { ...metadata, jwks: { keys: [publicJwk] } })).status).toBe(
      201,
    )
    for (const keys of [[key], [publicJwk, key]]) {
      expect((await postJson(server, '/register', { ...metadata, jwks: { keys } })).status).toBe(400)
    }
  })

  it.each([
    ['of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['of 512 bits', generateKeyPairSync('rsa', { modulusLength: 512 })],
  ])('an RSA key %s, which can be factored, lets nobody in (RFC 7518 §3.3)', async (_name, weak) => {
    const { servers } = await server.manage<{ servers: { server_id: string }[] }>('GET', '/servers')
    const keys = [{ ...weak.publicKey.export({ format: 'jwk' }), kid: 'weak' }]
    const id = await registerRobot(servers[0]?.server_id ?? '', { jwks: { keys } }).catch(() => undefined)
    if (id === undefined) return
    const input = claims({ iss: id, sub: id })
    expect((await present(signJwt({ alg: 'RS256', kid: 'weak' }, input, weak.privateKey)))[0]).toBe(401)
  })
})
