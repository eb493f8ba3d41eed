import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { basic, createSignedInBrowser, invite, postForm, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import {
  type Granted,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  type TokenBody,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('RFC 9700 §4.14 and OAuth 2.1 §4.3.1: stolen and forged refresh tokens', () => {
  let server: TestServer
  let mcp: RegisteredServer
  beforeEach(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterEach(() => server.close())

  const isActive = async (tokens: TokenBody) =>
    (await introspect(server, mcp.key, tokens.access_token))['active']
  const errorOf = async (granted: Granted, token: string) =>
    (await refresh(server, granted, token)).body.error
  const PAST_RACE = 61

  it('control: tokens rotate, and the latest one works', async () => {
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    for (let round = 0; round < 3; round += 1) {
      server.clock.advance(PAST_RACE)
      const { status, body } = await refresh(server, granted, token)
      expect([status, body.refresh_token === token]).toEqual([200, false])
      token = body.refresh_token
    }
  })

  it('a thief who uses an old token ends the family and its access tokens at once', async () => {
    const granted = await grant(server)
    const first = (await refresh(server, granted, granted.tokens.refresh_token)).body
    const second = (await refresh(server, granted, first.refresh_token)).body
    server.clock.advance(PAST_RACE)
    expect(await isActive(second)).toBe(true)
    expect(await errorOf(granted, granted.tokens.refresh_token)).toBe('invalid_grant')
    expect([await isActive(first), await isActive(second)]).toEqual([false, false])
    expect(await errorOf(granted, second.refresh_token)).toBe('invalid_grant')
  })

  it('a thief who is faster than the owner is found out by the owner’s next use', async () => {
    const granted = await grant(server)
    server.clock.advance(3600)
    const stolen = (await refresh(server, granted, granted.tokens.refresh_token)).body
    server.clock.advance(PAST_RACE)
    const further = (await refresh(server, granted, stolen.refresh_token)).body
    server.clock.advance(PAST_RACE)
    expect(await errorOf(granted, granted.tokens.refresh_token)).toBe('invalid_grant')
    expect(await errorOf(granted, further.refresh_token)).toBe('invalid_grant')
    expect(await isActive(further)).toBe(false)
  })

  it('a thief who keeps step inside the race window is found out after five generations', async () => {
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    const outcomes: boolean[] = []
    for (let round = 0; round < 8; round += 1) {
      server.clock.advance(3600)
      const owner = await refresh(server, granted, token)
      server.clock.advance(1)
      const thief = await refresh(server, granted, token)
      outcomes.push(owner.status === 200 && thief.status === 200)
      if (owner.status !== 200) break
      token = owner.body.refresh_token
    }
    expect(outcomes.filter(Boolean).length).toBeLessThanOrEqual(5)
    expect(await errorOf(granted, token)).toBe('invalid_grant')
  })

  it('a token of client A is refused to client B, and is not harmed by the attempt', async () => {
    const granted = await grant(server)
    const clientId = await registerClient(server, { client_name: 'B' })
    expect(await errorOf({ ...granted, clientId }, granted.tokens.refresh_token)).toBe('invalid_grant')
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })

  it('an old token of client A in the hands of client B does not log A out', async () => {
    const granted = await grant(server)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    await refresh(server, granted, body.refresh_token)
    server.clock.advance(PAST_RACE)
    const clientId = await registerClient(server, { client_name: 'B' })
    expect(await errorOf({ ...granted, clientId }, granted.tokens.refresh_token)).toBe('invalid_grant')
    expect(await isActive(body)).toBe(true)
  })

  it('a token of a confidential client is refused without its secret (RFC 6749 §6)', async () => {
    const client = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      redirect_uris: [WEB_REDIRECT_URI],
    })
    const { client_id: clientId, client_secret: secret } = client
    const { browser } = await createSignedInBrowser(server)
    const { obtainCode, exchange } = await import('../support/attacker.ts')
    const obtained = await obtainCode(server, {
      clientId,
      browser,
      parameters: { redirect_uri: WEB_REDIRECT_URI },
    })
    const { body } = await exchange(server, obtained, { client_id: undefined }, basic(clientId, secret))
    expect((await refresh(server, { clientId }, body.refresh_token)).status).toBe(401)
    const parameters = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
    expect((await postForm(server, '/token', parameters, basic(clientId, `${secret}x`))).status).toBe(401)
    expect((await postForm(server, '/token', parameters, basic(clientId, secret))).status).toBe(200)
  })

  it('a forged family, generation or mac is refused without asking the database', async () => {
    const granted = await grant(server)
    const other = await grant(server)
    const [family = '', generation = '', mac = ''] = granted.tokens.refresh_token.slice(3).split('.')
    const [otherFamily = '', , otherMac = ''] = other.tokens.refresh_token.slice(3).split('.')
    const forged = [
      `rt_${family}.1.${mac}`,
      `rt_${family}.${generation}.${otherMac}`,
      `rt_${otherFamily}.${generation}.${mac}`,
      `rt_${family}.-1.${mac}`,
      `rt_${family}.00.${mac}`,
      `rt_${family}.0.0.${mac}`,
      `rt_${family}.${'9'.repeat(40)}.${mac}`,
      `rt_${family}.${generation}.${'A'.repeat(43)}`,
      `rt_${family}.${generation}.${mac.slice(0, 20)}`,
      `rt_${family}.${generation}.`,
      `rt_${family}.${generation}`,
      `rt_${family}' or '1'='1.0.${mac}`,
      `${granted.tokens.refresh_token}=`,
      ` ${granted.tokens.refresh_token}`,
      granted.tokens.refresh_token.toUpperCase(),
      granted.tokens.access_token,
      'rt_..',
    ]
    for (const token of forged)
      expect([token, await errorOf(granted, token)]).toEqual([token, 'invalid_grant'])
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })

  it('a token of another server with the same database schema is refused', async () => {
    const other = await createTestServer()
    await registerServer(other)
    const { tokens } = await grant(other)
    expect(await errorOf(await grant(server), tokens.refresh_token)).toBe('invalid_grant')
    await other.close()
  })

  it('a family that was revoked by its client never yields a token again', async () => {
    const granted = await grant(server)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    await postForm(server, '/revoke', { client_id: granted.clientId, token: body.refresh_token })
    for (const token of [granted.tokens.refresh_token, body.refresh_token]) {
      expect(await errorOf(granted, token)).toBe('invalid_grant')
      server.clock.advance(PAST_RACE)
      expect(await errorOf(granted, token)).toBe('invalid_grant')
    }
  })

  it('another client, and a server’s key, cannot revoke it', async () => {
    const granted = await grant(server)
    const token = granted.tokens.refresh_token
    await postForm(server, '/revoke', {
      client_id: await registerClient(server, { client_name: 'B' }),
      token,
    })
    await postForm(server, '/revoke', { token }, { Authorization: `Bearer ${mcp.key}` })
    expect((await postForm(server, '/revoke', { token })).status).toBe(401)
    expect((await refresh(server, granted, token)).status).toBe(200)
  })

  it.each<[string, (guest: typeof OWNER, userId: string) => Promise<unknown>]>([
    [
      'the access policy',
      () =>
        server.manage('PATCH', `/servers/${mcp.server_id}`, {
          access: { emails: [OWNER.email], domains: [] },
        }),
    ],
    ['the membership', (_guest, userId) => server.manage('DELETE', `/members/${userId}`)],
    ['the server', () => server.manage('DELETE', `/servers/${mcp.server_id}`)],
    ['the client policy', () => server.manage('PATCH', '/organization', { client_policy: 'registered' })],
    [
      'the consent',
      async (guest) => {
        const { browser, account } = await createSignedInBrowser(server, guest)
        await browser.submit(account, {}, '/account/authorizations/revoke')
      },
    ],
  ])('after %s has ended it, a refresh yields nothing', async (_name, end) => {
    const guest = await invite(server, 'guest@example.com')
    const granted = await grant(server, { person: guest, browser: createBrowser(server) })
    const { members } = await server.manage<{ members: { email: string; user_id: string }[] }>(
      'GET',
      '/members',
    )
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(body.error).toBeUndefined()
    await end(guest, members.find(({ email }) => email === guest.email)?.user_id ?? '')
    expect(['invalid_grant', 'unauthorized_client']).toContain(await errorOf(granted, body.refresh_token))
    const response = await postForm(
      server,
      '/introspect',
      { token: body.access_token },
      { Authorization: `Bearer ${mcp.key}` },
    )
    if (response.status === 200) expect(await response.json()).toEqual({ active: false })
    else expect(response.status).toBe(401)
  })

  it('a scope that was not granted is not gained by a refresh (RFC 6749 §6)', async () => {
    const granted = await grant(server, { parameters: { scope: 'files:read' } })
    for (const scope of ['files:read files:write', 'files:write', 'manage', 'openid email']) {
      const { body } = await refresh(server, granted, granted.tokens.refresh_token, { scope })
      expect([scope, body.error]).toEqual([scope, 'invalid_scope'])
    }
    expect(
      (await refresh(server, granted, granted.tokens.refresh_token, { scope: 'files:read' })).status,
    ).toBe(200)
  })

  it('an idle token expires, and a used one ends at the maximum (RFC 9700 §4.14.2)', async () => {
    const short = await createTestServer({ refreshTokenTtl: 100, refreshTokenMaxTtl: 250 })
    await registerServer(short)
    const idle = await grant(short)
    const used = await grant(short)
    let token = used.tokens.refresh_token
    for (let round = 0; round < 2; round += 1) {
      short.clock.advance(90)
      token = (await refresh(short, used, token)).body.refresh_token
    }
    expect((await refresh(short, idle, idle.tokens.refresh_token)).body.error).toBe('invalid_grant')
    short.clock.advance(80)
    expect((await refresh(short, used, token)).body.error).toBe('invalid_grant')
    await short.close()
  })
})
