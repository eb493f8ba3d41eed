import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { basic, claimsOf, createClient, errorIn, postForm, sentTo } from './requests.ts'

const SOLE = 'https://sole.example.com/mcp'
const [FIRST, SECOND] = ['https://shared.example.com/one', 'https://shared.example.com/two']
const ROOT = 'https://root.example.com'
const PORT = 'https://port.example.com:8443/mcp'

describe('RFC 8707, resource', () => {
  let server: TestServer
  let clientId: string
  const registered = new Map<string, RegisteredServer>()

  beforeAll(async () => {
    server = await createTestServer()
    for (const server_url of [SOLE, FIRST, SECOND, ROOT, PORT, 'http://localhost:9000/mcp']) {
      registered.set(server_url, await registerServer(server, { server_url, server_name: server_url }))
    }
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  const audienceOf = async (resource: string | undefined): Promise<unknown> =>
    claimsOf((await grant(server, { clientId, parameters: { resource } })).tokens.access_token)['aud']
  const errorOf = async (resource: string | string[] | undefined): Promise<string | null> =>
    errorIn(await sentTo(server, authorizeUrl(clientId, createPkce(), { resource })))

  describe('§2 and clients.md, spellings that mean a server; aud is its registered URL', () => {
    const spellings: [string, string][] = [
      [SOLE, SOLE],
      [`${SOLE}/`, SOLE],
      // Clients that join paths carelessly; the audience is the registered address all the same.
      [`${SOLE}//`, SOLE],
      ['HTTPS://sole.example.com/mcp', SOLE],
      ['https://SOLE.Example.COM/mcp', SOLE],
      ['https://sole.example.com:443/mcp', SOLE],
      ['https://sole.example.com', SOLE],
      ['https://sole.example.com/', SOLE],
      [FIRST, FIRST],
      [`${SECOND}/`, SECOND],
      [ROOT, ROOT],
      [`${ROOT}/`, ROOT],
      [PORT, PORT],
      ['https://port.example.com:8443', PORT],
      ['http://localhost:9000/mcp', 'http://localhost:9000/mcp'],
      ['HTTP://LOCALHOST:9000/mcp/', 'http://localhost:9000/mcp'],
    ]
    it.each(spellings)('%s is %s', async (resource, expected) => {
      expect(await audienceOf(resource)).toBe(expected)
    })
  })

  describe('§2 invalid_target', () => {
    const unknown: [string, string][] = [
      ['a server that nobody registered', 'https://unknown.example.com/mcp'],
      ['another path of a known host', 'https://sole.example.com/other'],
      ['a path in another case', 'https://sole.example.com/MCP'],
      ['a path below', `${SOLE}/more`],
      ['a path that only begins alike', `${SOLE}x`],
      ['another scheme', SOLE.replace('https', 'http')],
      ['another port', 'https://sole.example.com:8443/mcp'],
      ['the bare origin where several servers live', 'https://shared.example.com'],
      ['the host without its port', 'https://port.example.com/mcp'],
      ['a query that is not registered', `${SOLE}?a=b`],
      ['a fragment (MUST NOT)', `${SOLE}#x`],
      ['no absolute URI', 'sole.example.com/mcp'],
      ['a relative reference', '/mcp'],
      ['user info', 'https://user@sole.example.com/mcp'],
      ['the server_id', 'srv_unknown'],
      ['a host that only ends alike', 'https://notsole.example.com/mcp'],
      ['dot segments that lead elsewhere', 'https://sole.example.com/mcp/../other'],
      ['a space', 'https://sole.example.com/m cp'],
    ]
    it.each(unknown)('%s: %s', async (_case, resource) => {
      expect(await errorOf(resource)).toBe('invalid_target')
    })

    it('more than one, as we issue for one', async () => {
      expect(await errorOf([SOLE, FIRST])).toBe('invalid_target')
    })

    it('absent, when several servers could be meant', async () => {
      expect(await errorOf(undefined)).toBe('invalid_target')
    })
  })

  it('§2 the same resource twice is still one, or refused; never anything else', async () => {
    const page = await createBrowser(server).open(
      authorizeUrl(clientId, createPkce(), { resource: [SOLE, SOLE] }),
    )
    expect(page.leftTo === undefined || errorIn(page.leftTo) === 'invalid_target').toBe(true)
  })

  it('§2 an empty resource is as if it were left out', async () => {
    expect(await errorOf('')).toBe('invalid_target')
  })

  describe('the management API is never meant by implication', () => {
    it('not by the origin, nor by the absence of a resource', async () => {
      const empty = await createTestServer()
      const id = await registerClient(empty)
      const open = async (parameters: Record<string, string | undefined>) => {
        const page = await createBrowser(empty).open(authorizeUrl(id, createPkce(), parameters))
        return page.leftTo && errorIn(page.leftTo)
      }
      const answers = [
        await open({ resource: undefined }),
        await open({ resource: undefined, scope: 'manage' }),
        await open({ resource: ISSUER }),
        await open({ resource: `${ISSUER}/` }),
      ]
      await empty.close()
      for (const error of answers) expect(['invalid_target', 'invalid_scope']).toContain(error)
    })

    it('not when it would be the only one beside a single MCP server', async () => {
      const single = await createTestServer()
      await registerServer(single)
      const { tokens } = await grant(single, { parameters: { resource: undefined } })
      await single.close()
      expect(claimsOf(tokens.access_token)['aud']).toBe(MCP_URL)
    })

    it('by its full name it is', async () => {
      const { tokens } = await grant(server, { clientId, parameters: { resource: `${ISSUER}/api` } })
      expect(claimsOf(tokens.access_token)).toMatchObject({ aud: `${ISSUER}/api`, scope: 'manage' })
    })
  })

  it('absent with OpenID scopes alone: the audience is the issuer (decisions.md)', async () => {
    const parameters = { resource: undefined, scope: 'openid email' }
    const { tokens } = await grant(server, { clientId, parameters })
    expect(claimsOf(tokens.access_token)['aud']).toBe(ISSUER)
  })

  describe('§2.2 resource at the token endpoint', () => {
    /** A code for `SOLE`, exchanged with this resource. */
    async function exchange(resource: string | string[] | undefined) {
      const pkce = createPkce()
      const browser = createBrowser(server)
      const sent = await authorize(server, authorizeUrl(clientId, pkce, { resource: SOLE }), { browser })
      const code = sent.searchParams.get('code') ?? ''
      const request = { grant_type: 'authorization_code', client_id: clientId, code }
      return postForm(server, '/token', { ...request, code_verifier: pkce.verifier, resource })
    }

    it.each([undefined, '', SOLE, `${SOLE}/`, 'HTTPS://SOLE.example.com/mcp', 'https://sole.example.com'])(
      'code exchange: %s is the bound server',
      async (resource) => {
        const { status, body } = await exchange(resource)
        expect(status).toBe(200)
        expect(claimsOf(body['access_token'])['aud']).toBe(SOLE)
      },
    )

    it.each([[FIRST], ['https://unknown.example.com'], ['nonsense'], [`${ISSUER}/api`], [[SOLE, FIRST]]])(
      'code exchange: %s is invalid_target',
      async (resource) => {
        expect(await exchange(resource)).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
      },
    )

    it('refresh: any spelling of the bound server, and no other', async () => {
      const { tokens } = await grant(server, { clientId, parameters: { resource: SOLE } })
      let refresh_token = tokens.refresh_token
      const present = (resource: string | string[] | undefined) =>
        postForm(server, '/token', {
          grant_type: 'refresh_token',
          client_id: clientId,
          refresh_token,
          resource,
        })
      for (const other of [FIRST, 'https://unknown.example.com', 'x', `${ISSUER}/api`, [SOLE, FIRST]]) {
        expect(await present(other)).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
      }
      for (const resource of [SOLE, undefined, `${SOLE}/`, 'https://Sole.example.com', '']) {
        const { status, body } = await present(resource)
        expect(status).toBe(200)
        expect(claimsOf(body['access_token'])['aud']).toBe(SOLE)
        refresh_token = String(body['refresh_token'])
      }
    })

    it('client credentials: invalid_target for an unknown one', async () => {
      const server_id = registered.get(SOLE)?.server_id
      const client = await createClient(server, {
        redirect_uris: undefined,
        grant_types: ['client_credentials'],
        servers: [{ server_id, scopes: ['files:read'] }],
      })
      const headers = { Authorization: basic(client.client_id, client.client_secret) }
      const ask = (resource: string | undefined) =>
        postForm(server, '/token', { grant_type: 'client_credentials', resource }, headers)
      expect((await ask('https://unknown.example.com')).body['error']).toBe('invalid_target')
      expect((await ask(FIRST)).body['error']).toBe('invalid_target')
      const only = await ask(undefined)
      expect(claimsOf(only.body['access_token'])['aud']).toBe(SOLE)
    })
  })

  it('the token is active for its own server only', async () => {
    const { tokens } = await grant(server, { clientId, parameters: { resource: FIRST } })
    for (const [url, { key }] of registered) {
      expect((await introspect(server, key, tokens.access_token))['active']).toBe(url === FIRST)
    }
  })

  it('a server that is registered under a URL with a slash keeps it in aud', async () => {
    const url = 'https://slash.example.com/mcp/'
    await registerServer(server, { server_url: url })
    expect(await audienceOf(url)).toBe(url)
    expect(await audienceOf('https://slash.example.com/mcp')).toBe(url)
  })
})
