import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange, obtainCode } from '../support/attacker.ts'
import {
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  type TokenBody,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

describe('RFC 6749 §10.5 and OAuth 2.1 §4.1.3: authorization code replay', () => {
  let server: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  async function isActive(tokens: TokenBody): Promise<unknown> {
    return (await introspect(server, mcp.key, tokens.access_token))['active']
  }

  it('a replay with everything right is refused and revokes what the first use issued', async () => {
    const granted = await grant(server)
    expect(await isActive(granted.tokens)).toBe(true)
    expect(await exchange(server, granted)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await isActive(granted.tokens)).toBe(false)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect(body.error).toBe('invalid_grant')
  })

  it('a replay revokes what was refreshed meanwhile, too', async () => {
    const granted = await grant(server)
    const { body } = await refresh(server, granted, granted.tokens.refresh_token)
    await exchange(server, granted)
    expect(await isActive(body)).toBe(false)
    expect((await refresh(server, granted, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('a replay after the code would have expired still revokes', async () => {
    const granted = await grant(server)
    server.clock.advance(600)
    expect(await exchange(server, granted)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await isActive(granted.tokens)).toBe(false)
  })

  it('a replay with another verifier, by whoever saw the redirect, does not log the person out', async () => {
    const granted = await grant(server)
    const replay = await exchange(server, { ...granted, pkce: createPkce() })
    expect(replay).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect(await isActive(granted.tokens)).toBe(true)
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })

  it('a replay without a verifier does not log the person out', async () => {
    const granted = await grant(server)
    expect((await exchange(server, granted, { code_verifier: undefined })).status).toBe(400)
    expect(await isActive(granted.tokens)).toBe(true)
  })

  it('a replay by another client does not log the person out', async () => {
    const granted = await grant(server)
    const other = await registerClient(server, { client_name: 'Attacker' })
    expect((await exchange(server, { ...granted, clientId: other })).status).toBe(400)
    expect(await isActive(granted.tokens)).toBe(true)
  })

  it('a replay revokes on every node', async () => {
    const other = await server.addNode()
    const granted = await grant(server)
    expect((await introspect(other, mcp.key, granted.tokens.access_token))['active']).toBe(true)
    await exchange(server, granted)
    server.clock.advance(1)
    expect((await introspect(other, mcp.key, granted.tokens.access_token))['active']).toBe(false)
  })

  it('a race of two exchanges issues tokens once, and the loser revokes them', async () => {
    const obtained = await obtainCode(server)
    const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(server, obtained)))
    const winners = answers.filter(({ status }) => status === 200)
    expect(winners.length).toBe(1)
    expect(await isActive((winners[0] as { body: TokenBody }).body)).toBe(false)
  })

  it('what another grant of the same client holds is left alone by a replay', async () => {
    const clientId = await registerClient(server)
    const [replayed, other] = [await grant(server, { clientId }), await grant(server, { clientId })]
    await exchange(server, replayed)
    expect(await isActive(replayed.tokens)).toBe(false)
    expect(await isActive(other.tokens)).toBe(true)
  })
})
