import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grant, introspect, type RegisteredServer, registerServer } from '../support/flow.ts'
import {
  ATTACKER_KEYS_URL,
  attackerKeys,
  decodeJwt,
  type Forgery,
  forgeriesOf,
} from '../support/forged_jwt.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

type Jwk = Record<string, unknown> & { kid: string }

/** An endpoint that takes access tokens, a genuine one for it, and whether it takes another. */
interface Endpoint {
  token: string
  accepts(token: string): Promise<boolean>
}

describe('RFC 8725 and RFC 9068 §4: forged access tokens', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let endpoints: Record<string, Endpoint>
  let keys: Jwk[]
  let fetched: string[]

  beforeAll(async () => {
    fetched = []
    server = await createTestServer({
      fetchPublicUrl: async (url) => {
        fetched.push(url.href)
        const body = Buffer.from(JSON.stringify(attackerKeys(keys[0]?.kid)))
        return { body, contentType: 'application/json', cacheControl: '' }
      },
    })
    mcp = await registerServer(server)
    const jwks = (await (await server.fetch('/.well-known/jwks.json')).json()) as { keys: Jwk[] }
    keys = jwks.keys
    endpoints = {
      introspection: {
        token: (await grant(server)).tokens.access_token,
        accepts: async (token) => (await introspect(server, mcp.key, token))['active'] === true,
      },
      userinfo: {
        token: (await grant(server, { parameters: { resource: undefined, scope: 'openid email' } })).tokens
          .access_token,
        accepts: (token) => isTakenAt('/userinfo', token),
      },
      'management API': {
        token: (await grant(server, { parameters: { resource: `${ISSUER}/api`, scope: 'manage' } })).tokens
          .access_token,
        accepts: (token) => isTakenAt('/api/servers', token),
      },
    }
  })
  afterAll(() => server.close())

  /** A header cannot hold every character; what it cannot hold nobody can send. */
  async function isTakenAt(path: string, token: string): Promise<boolean> {
    if (!/^[\x20-\x7e]*$/.test(token)) return false
    const response = await server.fetch(path, { headers: { Authorization: `Bearer ${token}` } })
    expect([200, 400, 401]).toContain(response.status)
    return response.ok
  }

  function keyOf(token: string): Jwk {
    const key = keys.find(({ kid }) => kid === decodeJwt(token).header['kid'])
    if (key === undefined) throw new Error('The key is not published.')
    return key
  }

  async function takenOf(endpoint: Endpoint, pick: (forgery: Forgery) => boolean): Promise<string[]> {
    const forgeries = forgeriesOf(endpoint.token, keyOf(endpoint.token)).filter(pick)
    expect(forgeries.length).toBeGreaterThan(3)
    const taken: string[] = []
    for (const { name, token } of forgeries) if (await endpoint.accepts(token)) taken.push(name)
    return taken
  }

  const ATTACKS: readonly (readonly [string, (forgery: Forgery) => boolean])[] = [
    ['alg none in every spelling (§2.1)', ({ name }) => name.startsWith('alg ')],
    ['an HMAC under the public key (§2.1)', ({ name }) => /^HS\d+ under/.test(name)],
    ['keys in jwk, jku, x5u and x5c (§2.10)', ({ name }) => /^(ES|RS)256 with/.test(name)],
    ['kid with paths, SQL and other types (§3.10)', ({ name }) => name.includes(', kid ')],
    ['mangled signatures and claims', ({ name }) => !/^(alg |HS\d|ES256|RS256)/.test(name)],
  ]
  for (const endpoint of ['introspection', 'userinfo', 'management API']) {
    it(`control: ${endpoint} takes the genuine token`, async () => {
      const { token, accepts } = endpoints[endpoint] as Endpoint
      expect(await accepts(token)).toBe(true)
    })
    it.each(ATTACKS)(`${endpoint} refuses %s`, async (_name, pick) => {
      expect(await takenOf(endpoints[endpoint] as Endpoint, pick)).toEqual([])
    })
  }

  it('nothing that a token names is fetched', () => {
    expect(ATTACKER_KEYS_URL).toContain('attacker.example')
    expect(fetched).toEqual([])
  })

  it('no private or symmetric part of a key is published', () => {
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'])
        expect(key).not.toHaveProperty(secret)
      expect(['EC', 'RSA', 'OKP']).toContain(key['kty'])
    }
  })
})

describe('HS256 as the signing algorithm', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer({ signingAlg: 'HS256' })
  })
  afterAll(() => server.close())

  it('its key is never published, and its tokens are good for introspection (decisions.md)', async () => {
    const mcp = await registerServer(server)
    const { tokens } = await grant(server)
    const { header } = decodeJwt(tokens.access_token)
    expect(header['alg']).toBe('HS256')
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })
    const jwks = (await (await server.fetch('/.well-known/jwks.json')).json()) as { keys: Jwk[] }
    expect(jwks.keys.filter((key) => key.kid === header['kid'] || key['kty'] === 'oct')).toEqual([])
    const stripped = forgeriesOf(tokens.access_token, { ...jwks.keys[0], kid: header['kid'] })
    const taken: string[] = []
    for (const { name, token } of stripped) {
      if ((await introspect(server, mcp.key, token))['active'] === true) taken.push(name)
    }
    expect(taken).toEqual([])
  })
})
