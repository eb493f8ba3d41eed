import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  type Granted,
  grant,
  introspect,
  REDIRECT_URI,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const DAY = 86_400
const HOUR = 3_600

const SET_GENERATION = statement(
  'test_set_generation',
  'update auth_agent.tokens set generation = $2 where grant_id = $1',
)
const EVENTS = statement<{ type: string }>(
  'test_events_of_grant',
  `select type from auth_agent.audit_events where detail->>'grant_id' = $1 order by id`,
)

let server: TestServer
let mcp: RegisteredServer

beforeAll(async () => {
  server = await createTestServer()
  mcp = await registerServer(server)
})
afterAll(() => server.close())

/** Refreshes, and expects that it works. */
async function succeed(granted: Granted, token: string) {
  const { status, body } = await refresh(server, granted, token)
  if (status !== 200) throw new Error(`The refresh answered ${status}: ${JSON.stringify(body)}`)
  return body
}

async function fail(granted: { clientId: string }, token: string) {
  const { status, body } = await refresh(server, granted, token)
  return { status, error: body.error, refresh_token: body.refresh_token }
}

function grantIdOf({ tokens }: Granted): string {
  return String(decodeJwt(tokens.access_token)['grant_id'])
}

async function eventsOf(granted: Granted): Promise<string[]> {
  const events = await server.database.database.query(EVENTS, [grantIdOf(granted)])
  return events.map(({ type }) => type)
}

const refused = { status: 400, error: 'invalid_grant', refresh_token: undefined }

describe('a client that loses the response with the rotated token (claude-code#66210, #91641)', () => {
  it('gets the same successor, days later', async () => {
    const granted = await grant(server)
    const lost = await succeed(granted, granted.tokens.refresh_token)
    server.clock.advance(12 * DAY)
    const found = await succeed(granted, granted.tokens.refresh_token)
    expect(found.refresh_token).toBe(lost.refresh_token)
    expect(await introspect(server, mcp.key, found.access_token)).toMatchObject({ active: true })
    server.clock.advance(HOUR)
    await succeed(granted, found.refresh_token)
    expect(await eventsOf(granted)).toEqual([])
  })

  it('loses it again and again, and is still signed in', async () => {
    const granted = await grant(server)
    for (const wait of [1, HOUR, DAY, 7 * DAY, 20 * DAY]) {
      await succeed(granted, granted.tokens.refresh_token)
      server.clock.advance(wait)
    }
  })

  it('is signed out when the response of the next generation is lost too', async () => {
    const granted = await grant(server)
    await succeed(granted, granted.tokens.refresh_token)
    server.clock.advance(HOUR)
    const { refresh_token } = await succeed(granted, granted.tokens.refresh_token)
    server.clock.advance(HOUR)
    await succeed(granted, refresh_token)
    server.clock.advance(HOUR)
    expect(await fail(granted, refresh_token)).toEqual(refused)
    expect(await eventsOf(granted)).toEqual(['refresh_token.theft'])
  })

  it('may lose any number in a row where it authenticates', async () => {
    const client = await registerConfidentialClient()
    const pkce = createPkce()
    const sentTo = await authorize(server, authorizeUrl(client.client_id, pkce))
    const code = sentTo.searchParams.get('code') ?? ''
    const exchange = { grant_type: 'authorization_code', code, code_verifier: pkce.verifier, ...client }
    let token = (await requestToken(server, exchange)).body.refresh_token
    for (let generation = 0; generation < 4; generation += 1) {
      const lost = await requestToken(server, {
        grant_type: 'refresh_token',
        refresh_token: token,
        ...client,
      })
      server.clock.advance(HOUR)
      const found = await requestToken(server, {
        grant_type: 'refresh_token',
        refresh_token: token,
        ...client,
      })
      expect(found.status).toBe(200)
      expect(found.body.refresh_token).toBe(lost.body.refresh_token)
      token = found.body.refresh_token
      server.clock.advance(HOUR)
    }
  })
})

describe('a client whose two processes refresh at the same moment', () => {
  it('gives both the same successor, and notes nothing', async () => {
    const granted = await grant(server)
    const first = await succeed(granted, granted.tokens.refresh_token)
    server.clock.advance(59)
    const second = await succeed(granted, granted.tokens.refresh_token)
    expect(second.refresh_token).toBe(first.refresh_token)
    for (const { access_token } of [first, second])
      expect(await introspect(server, mcp.key, access_token)).toMatchObject({ active: true })
    expect(await eventsOf(granted)).toEqual([])
  })

  it('gives the slower one the newest token when the faster one went on', async () => {
    const granted = await grant(server)
    const first = await succeed(granted, granted.tokens.refresh_token)
    const newest = await succeed(granted, first.refresh_token)
    expect((await succeed(granted, granted.tokens.refresh_token)).refresh_token).toBe(newest.refresh_token)
  })

  it('may do so four times in a row; the fifth is a thief who keeps step', async () => {
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    for (let generation = 1; generation < 5; generation += 1) {
      const { refresh_token } = await succeed(granted, token)
      await succeed(granted, token)
      server.clock.advance(HOUR)
      token = refresh_token
    }
    const last = await succeed(granted, token)
    expect(await fail(granted, token)).toEqual(refused)
    expect(await fail(granted, last.refresh_token)).toEqual(refused)
    expect(await introspect(server, mcp.key, last.access_token)).toEqual({ active: false })
  })

  it('is audited when they are in different networks, and served', async () => {
    const granted = await grant(server)
    await succeed(granted, granted.tokens.refresh_token)
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: granted.clientId,
      refresh_token: granted.tokens.refresh_token,
    })
    const response = await server.fetch('/token', { method: 'POST', body }, { clientAddress: '198.51.100.7' })
    expect(response.status).toBe(200)
    expect(await eventsOf(granted)).toEqual(['refresh_token.doubled_across_networks'])
  })
})

describe('a client that keeps a rotated token and presents it after its successor was used', () => {
  it('is signed out, with every access token of the grant', async () => {
    const granted = await grant(server)
    const second = await succeed(granted, granted.tokens.refresh_token)
    const third = await succeed(granted, second.refresh_token)
    server.clock.advance(61)
    expect(await fail(granted, granted.tokens.refresh_token)).toEqual(refused)
    for (const { access_token, refresh_token } of [granted.tokens, second, third]) {
      expect(await introspect(server, mcp.key, access_token)).toEqual({ active: false })
      expect(await fail(granted, refresh_token)).toEqual(refused)
    }
    expect(await eventsOf(granted)).toEqual(['refresh_token.theft'])
  })
})

describe('a refresh token of somebody else', () => {
  it('is refused, and its owner is not signed out by it', async () => {
    const granted = await grant(server)
    const clientId = await registerClient(server, { client_name: 'Another client' })
    expect(await fail({ clientId }, granted.tokens.refresh_token)).toEqual(refused)
    await succeed(granted, granted.tokens.refresh_token)
  })

  it('is refused when it is made up or changed', async () => {
    const granted = await grant(server)
    const [head = '', generation = '', mac = ''] = granted.tokens.refresh_token.split('.')
    const made = [
      `${head}.${Number(generation) + 1}.${mac}`,
      `${head}.${generation}`,
      'rt_',
      'x'.repeat(5_000),
    ]
    for (const token of made) expect(await fail(granted, token)).toEqual(refused)
    await succeed(granted, granted.tokens.refresh_token)
  })
})

describe('a database that was restored to an hour ago', () => {
  it('goes on with the token that the client has, and says so in the audit log', async () => {
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    for (let generation = 1; generation < 4; generation += 1) {
      token = (await succeed(granted, token)).refresh_token
      server.clock.advance(HOUR)
    }
    await server.database.database.query(SET_GENERATION, [grantIdOf(granted), 1])
    const next = await succeed(granted, token)
    server.clock.advance(HOUR)
    await succeed(granted, next.refresh_token)
    expect(await eventsOf(granted)).toEqual(['refresh_token.ahead_of_database'])
  })
})

async function registerConfidentialClient(): Promise<{ client_id: string; client_secret: string }> {
  const response = await server.fetch('/register', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'client_secret_post' }),
  })
  const { client_id, client_secret } = (await response.json()) as { client_id: string; client_secret: string }
  return { client_id, client_secret }
}
