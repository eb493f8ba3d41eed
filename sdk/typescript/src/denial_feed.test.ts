import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AuthAgentClient } from './auth_agent_client.ts'
import { DenialFeed } from './denial_feed.ts'
import { createFakeServer, type FakeServer, OPTIONS } from './testing/authorization_server.ts'
import { settle } from './testing/platform.ts'
import { send } from './testing/request.ts'

let server: FakeServer
let feed: DenialFeed
afterEach(() => feed.close())

describe('in the background', () => {
  /** Wakes the requests that the feed holds. */
  let wake: () => void

  beforeEach(async () => {
    server = await createFakeServer({ hasBackground: true })
    server.platform.elapsed = () => performance.now()
    server.beforeFed = (query, signal) =>
      query.get('wait') === '0'
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            wake = resolve
            signal?.addEventListener('abort', () => reject(new Error('aborted')))
          })
    feed = new DenialFeed(new AuthAgentClient(OPTIONS, server.platform), server.platform)
  })

  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  test('nothing is asked before the first question', async () => {
    await settle()
    expect(server.asked.revocations).toBe(0)
  })

  test('one request is open at a time, and a denial is known as soon as it is news', async () => {
    await feed.follow()
    await feed.waitForSnapshot()
    expect(feed.isLive).toBe(true)
    await feed.follow()
    await until(() => server.asked.revocations === 2)
    const before = feed.generation
    server.denials.push({ kind: 'grant', subject: 'g', expires_at: server.platform.seconds + 9 })
    wake()
    await until(() => feed.isDenied({ grant_id: 'g' }))
    expect(feed.generation).toBeGreaterThan(before)
  })

  test('a feed that is down is not live, and is back by itself', async () => {
    await feed.follow()
    await feed.waitForSnapshot()
    await until(() => server.asked.revocations === 2)
    server.down.add('revocations')
    wake()
    await until(() => !feed.isLive)
    server.down.clear()
    server.denials.push({ kind: 'user', subject: 'u', cutoff: 5, expires_at: server.platform.seconds + 9 })
    await until(() => feed.isDenied({ sub: 'u', iat: 5 }))
    expect(feed.isDenied({ sub: 'u', iat: 6 })).toBe(false)
  })

  test('close() ends the request that is open, and what was cached is worth nothing', async () => {
    await feed.follow()
    await feed.waitForSnapshot()
    await until(() => server.asked.revocations === 2)
    feed.close()
    expect(feed.isLive).toBe(false)
    await feed.follow()
    await settle()
    expect(server.asked.revocations).toBe(2)
  })

  test('an authorization server that does not hold requests is not overrun', async () => {
    server.beforeFed = async () => undefined
    await feed.follow()
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(server.asked.revocations).toBeLessThanOrEqual(5)
  })

  test('the first requests wait for the snapshot instead of asking', async () => {
    let release = () => {}
    server.beforeFed = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const protection = server.protect({ validation: 'local' })
    const answers = Promise.all([
      send(protection, await server.sign()),
      send(protection, await server.sign()),
    ])
    await until(() => server.asked.revocations === 1)
    release()
    expect(await answers).toEqual(['200', '200'])
    expect(server.asked.introspect).toBe(0)
    protection.close()
  })
})

describe('on demand', () => {
  beforeEach(async () => {
    server = await createFakeServer()
    feed = new DenialFeed(new AuthAgentClient(OPTIONS, server.platform), server.platform)
  })

  test('asks when the last answer is older than half a second, once for all', async () => {
    await Promise.all([feed.follow(), feed.follow()])
    server.platform.seconds += 0.5
    await feed.follow()
    expect(server.asked.revocations).toBe(1)
    server.platform.seconds += 0.1
    await feed.follow()
    expect(server.asked.revocations).toBe(2)
  })

  test('asks for everything again where nothing was heard for 30 s', async () => {
    const cursors: (string | null)[] = []
    server.beforeFed = async (query) => void cursors.push(query.get('cursor'))
    await feed.follow()
    server.platform.seconds += 30
    await feed.follow()
    server.platform.seconds += 31
    await feed.follow()
    expect(cursors).toEqual([null, '0', null])
  })

  test('waits longer after each failure, up to 2 s', async () => {
    server.down.add('revocations')
    const pauses: number[] = []
    for (let last = server.platform.seconds; pauses.length < 6; ) {
      const { revocations } = server.asked
      server.platform.seconds += 0.01
      await feed.follow()
      if (server.asked.revocations === revocations) continue
      pauses.push(server.platform.seconds - last)
      last = server.platform.seconds
    }
    // Of the part that is chance, the least: a quarter less.
    const expected = [0.15, 0.3, 0.6, 1.2, 1.5]
    for (const [index, pause] of pauses.slice(1).entries()) {
      expect(Math.abs(pause - (expected[index] ?? 0))).toBeLessThan(0.02)
    }
  })

  test('by chance a quarter more or less', async () => {
    server.down.add('revocations')
    for (const [random, least] of [
      [0, 0.15],
      [0.5, 0.2],
      [0.999_999, 0.25],
    ] as const) {
      const platform = { ...server.platform, random: () => random }
      const other = new DenialFeed(new AuthAgentClient(OPTIONS, platform), platform)
      await other.follow()
      const { revocations } = server.asked
      server.platform.seconds += least - 0.001
      await other.follow()
      expect(server.asked.revocations).toBe(revocations)
      server.platform.seconds += 0.002
      await other.follow()
      expect(server.asked.revocations).toBe(revocations + 1)
    }
  })

  test('the operator is told when it fails, and when it works again; not each time, and no cursor', async () => {
    await feed.follow()
    server.denials.push({ kind: 'grant', subject: 'g', expires_at: server.platform.seconds + 9 })
    const fail = async () => {
      server.down.add('revocations')
      for (let turn = 0; turn < 20; turn += 1) {
        server.platform.seconds += 2.5
        await feed.follow()
      }
      server.down.clear()
      server.platform.seconds += 2.5
      await feed.follow()
    }
    await fail()
    const told = [
      expect.stringMatching(/^the list of revoked access at https:\/\/auth\.example .* cannot be reached/),
      'the list of revoked access can be read again',
    ]
    expect(server.platform.warnings).toEqual(told)
    await fail()
    expect(server.platform.warnings).toEqual([...told, ...told])
    expect(server.platform.warnings.join()).not.toMatch(/cursor|sk_test/)
  })

  test('of an answer that is no list the status is told', async () => {
    const platform = { ...server.platform, fetch: async () => new Response('no such page', { status: 404 }) }
    await new DenialFeed(new AuthAgentClient(OPTIONS, platform), platform).follow()
    expect(server.platform.warnings).toEqual([expect.stringMatching(/it answered 404, with something/)])
  })

  test('waits as long as a busy server says, and 10 s at the most', async () => {
    for (const [given, seconds] of [
      ['7', 7],
      ['3600', 10],
    ] as const) {
      let asked = 0
      const busy = async () => {
        asked += 1
        return new Response(null, { status: 503, headers: { 'Retry-After': given } })
      }
      const platform = { ...server.platform, fetch: busy, elapsed: () => server.platform.seconds * 1000 }
      const other = new DenialFeed(new AuthAgentClient(OPTIONS, platform), platform)
      await other.follow()
      server.platform.seconds += seconds - 0.1
      await other.follow()
      expect(asked).toBe(1)
      server.platform.seconds += 0.2
      await other.follow()
      expect(asked).toBe(2)
    }
  })

  test.each([
    'null',
    '[]',
    '{"cursor":1,"snapshot":true,"denials":[]}',
    '{"cursor":"c","denials":[]}',
    '{"cursor":"c","snapshot":true,"denials":{}}',
    '{"cursor":"c","snapshot":true,"denials":[null]}',
    '{"cursor":"c","snapshot":true,"denials":[{"kind":"user","subject":"u","cutoff":"now","expires_at":1}]}',
    '{"cursor":"c","snapshot":false,"denials":[]}',
    'not JSON',
  ])('an answer that is none is a failure: %s', async (text) => {
    const platform = { ...server.platform, fetch: async () => new Response(text) }
    const other = new DenialFeed(new AuthAgentClient(OPTIONS, platform), platform)
    await other.follow()
    expect(other.isLive).toBe(false)
    expect(other.age).toBe(Number.POSITIVE_INFINITY)
  })

  test('kinds that are not known are ignored', async () => {
    server.denials.push({ kind: 'planet', subject: 'x', expires_at: server.platform.seconds + 9 })
    await feed.follow()
    expect(feed.isLive).toBe(true)
  })
})
