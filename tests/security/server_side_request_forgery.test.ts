import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGuardedFetch } from '../../node/src/guarded_fetch.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerServer, requestToken } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** A program on this machine that nobody outside should reach. It counts who comes. */
function createVictim() {
  const paths: string[] = []
  const server = createHttpServer((request, response) => {
    paths.push(request.url ?? '')
    response.setHeader('Content-Type', 'application/json')
    response.end('{"secret":"of the internal service"}')
  })
  return { server, paths }
}

const PRIVATE_NAMES: Record<string, readonly string[]> = {
  'internal.example': ['10.0.0.5'],
  'metadata.example': ['169.254.169.254'],
  'loopback.example': ['127.0.0.1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  'mixed.example': ['93.184.215.14', '127.0.0.1'],
  'v6.example': ['fd00::1'],
}

describe('server-side request forgery through what a client names (CIMD draft §6.5, RFC 9700 §4.11, MCP security)', () => {
  const victim = createVictim()
  let port: number
  let server: TestServer

  beforeAll(async () => {
    await new Promise<void>((resolve) => victim.server.listen(0, '127.0.0.1', resolve))
    port = (victim.server.address() as AddressInfo).port
    const resolve = async (name: string) => PRIVATE_NAMES[name] ?? []
    server = await createTestServer({ fetchPublicUrl: createGuardedFetch({ resolve, timeoutMs: 500 }) })
    await registerServer(server)
  })
  beforeEach(() => void victim.paths.splice(0))
  afterAll(async () => {
    await server.close()
    await close(victim.server)
  })
  const close = (one: Server) => new Promise((resolve) => one.close(resolve))

  const ask = (clientId: string, at = server) =>
    createBrowser(at).open(authorizeUrl(clientId, createPkce(), { redirect_uri: 'https://evil.example/' }))

  it('a victim can be reached by a server whose developer allows it (the check can fail)', async () => {
    const open = await createTestServer({ fetchPublicUrl: createGuardedFetch({ allowLoopback: true }) })
    await registerServer(open)
    await ask(`http://127.0.0.1:${port}/client.json`, open)
    expect(victim.paths).toEqual(['/client.json'])
    await open.close()
  })

  it.each([
    'http://127.0.0.1:PORT/c',
    'https://127.0.0.1:PORT/c',
    'https://127.0.0.1/c',
    'https://2130706433/c',
    'https://0x7f000001/c',
    'https://0177.0.0.1/c',
    'https://127.1/c',
    'https://[::1]/c',
    'https://[::ffff:127.0.0.1]/c',
    'https://[::ffff:7f00:1]/c',
    'https://[64:ff9b::7f00:1]/c',
    'https://[2002:7f00:1::]/c',
    'https://[fe80::1]/c',
    'https://[fd00::1]/c',
    'https://0.0.0.0/c',
    'https://169.254.169.254/latest/meta-data',
    'https://10.0.0.5/c',
    'https://100.64.0.1/c',
    'https://localhost/c',
    'https://localhost./c',
    'https://①②⑦.⓪.⓪.①/c',
    'https://user:password@internal.example/c',
    ...Object.keys(PRIVATE_NAMES).map((name) => `https://${name}/c`),
  ])('client_id %s reaches nothing, and its answer is told to nobody', async (clientId) => {
    const page = await ask(clientId.replace('PORT', String(port)))
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(page.leftTo).toBeUndefined()
    expect(page.text()).not.toContain('secret')
    expect(victim.paths).toEqual([])
  })

  it('nor at the token endpoint', async () => {
    const parameters = {
      grant_type: 'refresh_token',
      refresh_token: 'rt_x',
      client_id: 'https://loopback.example/c',
    }
    const { status, body } = await requestToken(server, parameters)
    expect([status, body.error]).toEqual([401, 'invalid_client'])
    expect(victim.paths).toEqual([])
  })

  it.each(['https://loopback.example/keys', 'https://169.254.169.254/keys', 'https://[::1]/keys'])(
    'the jwks_uri %s reaches nothing',
    async (jwks_uri) => {
      const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
        redirect_uris: ['https://app.example.com/callback'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri,
      })
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const claims = { iss: client_id, sub: client_id, aud: server.issuer, jti: 'x', exp: 9_999_999_999 }
      const { status, body } = await requestToken(server, {
        grant_type: 'refresh_token',
        refresh_token: 'rt_x',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${encode({ alg: 'ES256' })}.${encode(claims)}.AAAA`,
      })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
      expect(victim.paths).toEqual([])
    },
  )

  it('what a client only shows (client_uri, logo_uri, policy_uri) is never fetched', async () => {
    const metadata = {
      client_uri: 'https://loopback.example/',
      logo_uri: `http://127.0.0.1:${port}/logo.png`,
      policy_uri: 'https://loopback.example/p',
    }
    const body = JSON.stringify({
      redirect_uris: ['https://app.example.com/'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    })
    const headers = { 'Content-Type': 'application/json' }
    const { client_id } = (await (
      await server.fetch('/register', { method: 'POST', body, headers })
    ).json()) as { client_id: string }
    await createBrowser(server).open(
      authorizeUrl(client_id, createPkce(), { redirect_uri: 'https://app.example.com/' }),
    )
    expect(victim.paths).toEqual([])
  })

  it('a host that keeps failing is not hammered', async () => {
    let fetches = 0
    const counting = await createTestServer({
      fetchPublicUrl: async () => {
        fetches += 1
        throw new Error('away')
      },
    })
    await registerServer(counting)
    for (let i = 0; i < 50; i += 1) await ask(`https://slow.example/client${i}.json`, counting)
    expect(fetches).toBe(10)
    await counting.close()
  })
})
