import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SIGNING_ALGS } from '../../server/src/options.ts'
import {
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

/** What makes a key usable, and nothing that makes it private (RFC 7518 §6, RFC 8037 §2). */
const PUBLIC_MEMBERS = {
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  EdDSA: ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
}

async function fetchKeySet(server: TestServer): Promise<JSONWebKeySet> {
  return (await (await server.fetch('/.well-known/jwks.json')).json()) as JSONWebKeySet
}

describe.each(SIGNING_ALGS)('SIGNING_ALG=%s', (signingAlg) => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer({ signingAlg })
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  it('signs access tokens that introspection takes, refreshed ones too', async () => {
    const granted = await grant(server)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    for (const { access_token } of [granted.tokens, body]) {
      const { alg, typ, kid } = decodeProtectedHeader(access_token)
      expect({ alg, typ }).toEqual({ alg: signingAlg, typ: 'at+jwt' })
      expect(kid).toMatch(/^[\w-]+$/)
      expect(await introspect(server, mcp.key, access_token)).toMatchObject({ active: true })
    }
  })

  it('publishes public keys only', async () => {
    const { keys } = await fetchKeySet(server)
    expect(keys.map(({ alg }) => alg).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256'])
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(PUBLIC_MEMBERS[key.alg as keyof typeof PUBLIC_MEMBERS])
      expect(key.use).toBe('sig')
    }
  })

  it(
    signingAlg === 'HS256' ? 'cannot be verified by anybody else' : 'can be verified with the key set',
    async () => {
      const { tokens } = await grant(server)
      const verified = jwtVerify(tokens.access_token, createLocalJWKSet(await fetchKeySet(server)), {
        issuer: ISSUER,
        audience: MCP_URL,
        typ: 'at+jwt',
        currentDate: new Date(server.clock.now),
      })
      if (signingAlg === 'HS256') await expect(verified).rejects.toMatchObject({ name: 'JOSENotSupported' })
      else await expect(verified).resolves.toMatchObject({ payload: { aud: MCP_URL } })
    },
  )

  it('refuses a token whose header names another algorithm than that of its key', async () => {
    const { tokens } = await grant(server)
    const { kid } = decodeProtectedHeader(tokens.access_token)
    const [, payload = ''] = tokens.access_token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    const published = (await fetchKeySet(server)).keys.find((key) => key.kid === kid)
    const secret = Buffer.from(JSON.stringify(published ?? 'a guess of the secret, of 32 bytes or more'))
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...(kid && { kid }) })
      .sign(secret)
    expect(await introspect(server, mcp.key, forged)).toEqual({ active: false })
    const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).toString('base64url')
    expect(await introspect(server, mcp.key, `${header}.${payload}.`)).toEqual({ active: false })
  })
})

describe('a change of SIGNING_ALG', () => {
  it('lets the tokens of before live on', async () => {
    const server = await createTestServer({ signingAlg: 'HS256' })
    const mcp = await registerServer(server)
    const before = await grant(server)
    const changed = await server.addNode({ signingAlg: 'EdDSA' })
    const after = await refresh(changed, before, before.tokens.refresh_token)
    expect(decodeProtectedHeader(after.body.access_token).alg).toBe('EdDSA')
    for (const node of [server, changed]) {
      expect(await introspect(node, mcp.key, before.tokens.access_token)).toMatchObject({ active: true })
      expect(await introspect(node, mcp.key, after.body.access_token)).toMatchObject({ active: true })
    }
    await server.close()
  })
})
