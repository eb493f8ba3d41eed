import { decodeProtectedHeader, type JSONWebKeySet } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { grant, introspect, type RegisteredServer, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const DAY = 86_400
const HOUR = 3_600
/** When the successor is due: a day before the key has signed for 90. */
const DUE = 89 * DAY
/** How long a cache may keep the key set, in seconds; its `max-age` says so. */
const CACHED_FOR = 300

let server: TestServer
let other: TestServer
let mcp: RegisteredServer

beforeEach(async () => {
  server = await createTestServer()
  mcp = await registerServer(server)
  other = await server.addNode()
})
afterEach(() => server.close())

async function publishedBy(node: TestServer, alg = 'ES256'): Promise<string[]> {
  const response = await node.fetch('/.well-known/jwks.json')
  const { keys } = (await response.json()) as JSONWebKeySet
  return keys.filter((key) => key.alg === alg).map(({ kid }) => kid ?? '')
}

/** The key that a token of this node is signed with, and the token. */
async function sign(node: TestServer): Promise<{ kid: string; token: string }> {
  const { tokens } = await grant(node)
  return { kid: decodeProtectedHeader(tokens.access_token).kid ?? '', token: tokens.access_token }
}

async function expectActive(token: string, active: boolean): Promise<void> {
  for (const node of [server, other]) expect(await introspect(node, mcp.key, token)).toMatchObject({ active })
}

describe('a signing key', () => {
  it('is succeeded after 90 days, by one that was published a day before', async () => {
    const [first = ''] = await publishedBy(server)
    server.clock.advance(DUE - 1)
    await server.server.maintain()
    expect(await publishedBy(server)).toEqual([first])

    server.clock.advance(1)
    await server.server.maintain()
    const published = await publishedBy(server)
    expect(published).toHaveLength(2)
    const next = published.find((kid) => kid !== first) ?? ''
    expect((await sign(server)).kid).toBe(first)

    server.clock.advance(DAY - 1)
    expect((await sign(server)).kid).toBe(first)
    server.clock.advance(1)
    expect((await sign(server)).kid).toBe(next)
  })

  it('verifies what it signed until that has expired, and then is gone', async () => {
    const [first = ''] = await publishedBy(server)
    server.clock.advance(DUE)
    await server.server.maintain()
    server.clock.advance(DAY - 1)
    const last = await sign(server)
    expect(last.kid).toBe(first)

    server.clock.advance(1)
    expect((await sign(server)).kid).not.toBe(first)
    await expectActive(last.token, true)
    server.clock.advance(HOUR - 2)
    await expectActive(last.token, true)
    server.clock.advance(1)
    await expectActive(last.token, false)
    expect(await publishedBy(server)).toContain(first)

    // It stays for as long as a token that it signed could live at the longest, and some minutes for clocks and caches.
    server.clock.advance(DAY)
    for (const node of [server, other]) expect(await publishedBy(node)).not.toContain(first)
    await server.server.maintain()
    for (const node of [server, other]) expect(await publishedBy(node)).toHaveLength(1)
  })

  it('is the same on two nodes at every moment, and what it signs is good on both', async () => {
    for (const _ of Array.from({ length: 3 })) {
      server.clock.advance(DUE)
      await Promise.all([server.server.maintain(), other.server.maintain()])
      server.clock.advance(60)
      expect((await publishedBy(other)).toSorted()).toEqual((await publishedBy(server)).toSorted())
      expect(await publishedBy(server)).toHaveLength(2)
      for (const wait of [0, DAY - 61, 1, HOUR]) {
        server.clock.advance(wait)
        const [one, two] = [await sign(server), await sign(other)]
        expect(two.kid).toBe(one.kid)
        await expectActive(one.token, true)
        await expectActive(two.token, true)
      }
    }
  })

  it('never signs before a verifier that caches the key set knows it', async () => {
    let cached = await publishedBy(other)
    server.clock.advance(DUE)
    await server.server.maintain()
    const until = server.clock.now + 1.1 * DAY * 1000
    while (server.clock.now < until) {
      const { kid } = await sign(server)
      expect(cached).toContain(kid)
      // The node that the verifier asks may itself have looked a minute ago; it keeps the answer for as long as it may.
      cached = await publishedBy(other)
      server.clock.advance(server.clock.now > until - 0.2 * DAY * 1000 ? CACHED_FOR : HOUR)
    }
  })

  it('of every algorithm is succeeded, for id_tokens too', async () => {
    server.clock.advance(DUE)
    await server.server.maintain()
    for (const alg of ['ES256', 'RS256', 'EdDSA']) expect(await publishedBy(server, alg)).toHaveLength(2)
  })
})

describe('the key set', () => {
  it('may be cached for five minutes, by anybody', async () => {
    const response = await server.fetch('/.well-known/jwks.json', {
      headers: { Origin: 'https://app.example' },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('Cache-Control')).toBe(`public, max-age=${CACHED_FOR}`)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(response.headers.getSetCookie()).toEqual([])
    expect(response.headers.get('ETag')).toMatch(/^"[\w-]{22}"$/)
  })

  it.each([
    ['its tag', (tag: string) => tag],
    ['its tag as a weak one', (tag: string) => `W/${tag}`],
    ['its tag among others', (tag: string) => `"another", ${tag}`],
  ])('is not sent again to whoever has it: %s', async (_, ask) => {
    const tag = (await server.fetch('/.well-known/jwks.json')).headers.get('ETag') ?? ''
    const headers = { 'If-None-Match': ask(tag) }
    const response = await other.fetch('/.well-known/jwks.json', { headers })
    expect(response.status).toBe(304)
    expect(await response.text()).toBe('')
    expect(response.headers.get('ETag')).toBe(tag)
    expect(response.headers.get('Cache-Control')).toBe(`public, max-age=${CACHED_FOR}`)
  })

  it('has another tag when a key was added', async () => {
    const tag = (await server.fetch('/.well-known/jwks.json')).headers.get('ETag') ?? ''
    server.clock.advance(DUE)
    await server.server.maintain()
    const response = await server.fetch('/.well-known/jwks.json', { headers: { 'If-None-Match': tag } })
    expect(response.status).toBe(200)
    expect(response.headers.get('ETag')).not.toBe(tag)
  })
})
