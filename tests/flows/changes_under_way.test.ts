import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

describe('what an owner or a person changes while something is under way', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let clientId: string

  beforeEach(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    clientId = await registerClient(server)
  })
  afterEach(() => server.close())

  const isActive = async (token: string, key = mcp.key) => (await introspect(server, key, token))['active']
  async function signedIn() {
    const browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
    return browser
  }
  const exchange = (at: TestServer, code: string, verifier: string) =>
    requestToken(at, { grant_type: 'authorization_code', client_id: clientId, code, code_verifier: verifier })

  describe('the client policy', () => {
    const admitRegisteredOnly = () => server.manage('PATCH', '/organization', { client_policy: 'registered' })

    it('holds for the management API and for identity, not only for MCP servers', async () => {
      await admitRegisteredOnly()
      const browser = await signedIn()
      for (const parameters of [
        { resource: `${ISSUER}/api`, scope: 'manage' },
        { resource: undefined, scope: 'openid email' },
      ]) {
        const { leftTo } = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
        expect(leftTo?.searchParams.get('error')).toBe('unauthorized_client')
      }
    })

    it('holds for a page that was shown before', async () => {
      const browser = await signedIn()
      const page = await browser.open(authorizeUrl(clientId, createPkce()))
      await admitRegisteredOnly()
      const answer = await browser.submit(page, { decision: 'approve' }, '/consent')
      expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    })

    it('holds for a code, a refresh token and an access token that are out', async () => {
      const granted = await grant(server, { clientId })
      const pkce = createPkce()
      const code = (await authorize(server, authorizeUrl(clientId, pkce))).searchParams.get('code') ?? ''
      await admitRegisteredOnly()
      expect((await exchange(server, code, pkce.verifier)).body.error).toBe('invalid_grant')
      expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
      expect(await isActive(granted.tokens.access_token)).toBe(false)
    })
  })

  it('a code does not outlive a change of its server’s address, and its next owner sees nothing', async () => {
    const granted = await grant(server, { clientId })
    const pkce = createPkce()
    const code = (await authorize(server, authorizeUrl(clientId, pkce))).searchParams.get('code') ?? ''
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { server_url: 'https://mcp.example.com/moved' })
    expect((await exchange(server, code, pkce.verifier)).body.error).toBe('invalid_grant')
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
    const next = await registerServer(server, { server_url: MCP_URL })
    expect(await isActive(granted.tokens.access_token, next.key)).toBe(false)
  })

  it('what the page said is what is granted: a server that asks for more meanwhile is asked about anew', async () => {
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { identity: [] })
    const browser = await signedIn()
    const page = await browser.open(authorizeUrl(clientId, createPkce()))
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { identity: ['email'] })
    const answer = await browser.submit(page, { decision: 'approve' }, '/consent')
    expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    expect(answer.text()).toMatch(/has changed/)
  })

  it('a scope and an identity that the server has given up are not issued by the next refresh', async () => {
    const granted = await grant(server, { clientId })
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { scopes: ['files:read'], identity: [] })
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(body['scope']).toBe('files:read')
    expect(decodeJwt(body.access_token)).toMatchObject({ scope: 'files:read' })
    expect(decodeJwt(body.access_token)['email']).toBeUndefined()
    await server.manage('PATCH', `/servers/${mcp.server_id}`, { scopes: ['other'] })
    expect((await refresh(server, granted, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('a removed client stays removed for tokens that lived longer, or came from a node whose clock is ahead', async () => {
    const robot = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const { client_id, client_secret } = robot
    const longLived = await server.addNode({ accessTokenTtl: 86_400 })
    const ahead = await server.addNode({ now: () => server.clock.now + 3_000 })
    const ask = async (at: TestServer) =>
      (await requestToken(at, { grant_type: 'client_credentials', client_id, client_secret })).body
        .access_token
    const tokens = [await ask(longLived), await ask(ahead)]
    await server.manage('DELETE', `/clients/${client_id}`)
    server.clock.advance(3_000)
    for (const token of tokens) expect(await isActive(token)).toBe(false)
    server.clock.advance(10_000)
    await server.server.maintain()
    expect(await isActive(tokens[0] ?? '')).toBe(false)
  })

  it('a client that is removed between its authentication and its token has nothing of that', async () => {
    const robot = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const { database } = server.database
    const slow = await server.addNode({
      database: {
        ...database,
        async query(statement, values) {
          const rows = await database.query(statement, values)
          if (statement.name === 'clients_find_registered') {
            await server.manage('DELETE', `/clients/${robot.client_id}`)
            server.clock.advance(2)
          }
          return rows
        },
      },
    })
    const { body } = await requestToken(slow, { grant_type: 'client_credentials', ...robot })
    expect(await isActive(body.access_token)).toBe(false)
  })

  it('a client from which a server is taken, or whose secret is replaced, loses what it got before', async () => {
    const { client_id, client_secret } = await server.manage<Record<string, string>>('POST', '/clients', {
      grant_types: ['client_credentials'],
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    const ask = (secret = '') =>
      requestToken(server, {
        grant_type: 'client_credentials',
        client_id: client_id ?? '',
        client_secret: secret,
      })
    const before = await ask(client_secret)
    const replaced = await server.manage<{ client_secret: string }>('POST', `/clients/${client_id}/secret`)
    expect(await isActive(before.body.access_token)).toBe(false)
    server.clock.advance(1)
    const after = await ask(replaced.client_secret)
    expect(await isActive(after.body.access_token)).toBe(true)
    await server.manage('PATCH', `/clients/${client_id}`, { servers: [] })
    expect(await isActive(after.body.access_token)).toBe(false)
  })

  it('a revoked authorization opens nothing on a node whose clock is behind', async () => {
    const browser = await signedIn()
    const pkce = createPkce()
    const code =
      (await authorize(server, authorizeUrl(clientId, pkce), { browser })).searchParams.get('code') ?? ''
    await browser.submit(await browser.open('/account'), {}, '/account/authorizations/revoke')
    const behind = await server.addNode({ now: () => server.clock.now - 5_000 })
    expect((await exchange(behind, code, pkce.verifier)).body.error).toBe('invalid_grant')
  })

  it('a new password by mail ends what was granted with the old one', async () => {
    const granted = await grant(server, { clientId })
    const browser = createBrowser(server)
    await browser.submit(await browser.open('/password-reset'), { email: OWNER.email }, '/password-reset')
    await vi.waitUntil(() => server.mails.length > 0)
    const link = /http:\S+/.exec(server.mails.at(-1)?.text ?? '')?.[0] ?? ''
    await browser.submit(await browser.open(link), { password: 'plum wagon tundra seven' })
    expect(await isActive(granted.tokens.access_token)).toBe(false)
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('ending a person’s sessions and opening a grant do not slip past each other', async () => {
    for (let round = 0; round < 10; round += 1) {
      const browser = await signedIn()
      const pkce = createPkce()
      const code =
        (await authorize(server, authorizeUrl(clientId, pkce), { browser })).searchParams.get('code') ?? ''
      const account = await browser.open('/account')
      const [exchanged] = await Promise.all([
        exchange(server, code, pkce.verifier),
        browser.submit(account, {}, '/account/authorizations/revoke'),
      ])
      if (exchanged.status === 200) expect(await isActive(exchanged.body.access_token)).toBe(false)
      expect(await refresh(server, { clientId }, exchanged.body.refresh_token ?? 'none')).toMatchObject({
        status: 400,
      })
    }
  })
})
