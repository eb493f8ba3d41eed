import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ProtectOptions } from './options.ts'
import type { Decision, Protection } from './protection.ts'
import { createFakeServer, type FakeServer } from './testing/authorization_server.ts'
import { describe as describeDecision, incoming, send } from './testing/request.ts'

/** A token that was seen before takes a shorter way, to the same end as any other. */
let server: FakeServer
let protection: Protection
let token: string

interface Sent {
  method?: string
  target?: string
  authorization?: string
  headers?: Record<string, string>
}

function decide({ method, target = '/mcp', authorization, headers }: Sent = {}) {
  const all = { Authorization: authorization ?? `Bearer ${token}`, ...headers }
  return protection.decide(incoming(target, { ...(method !== undefined && { method }), headers: all }))
}

/** Whether a request was decided at once, and how. */
async function tell(sent: Sent = {}): Promise<[boolean, string]> {
  const decision = decide(sent)
  return [!(decision instanceof Promise), describeDecision(await decision)]
}

async function see(options: Partial<ProtectOptions>, claims: object = {}): Promise<void> {
  protection = server.protect(options)
  token = await server.sign(claims)
  expect(await send(protection, token)).toBe('200')
}

const AT_ONCE = [true, '200']
const REFUSED = [false, '401 invalid_token']

beforeEach(async () => {
  server = await createFakeServer()
})

describe.each(['local', 'introspect'] as const)('%s', (validation) => {
  test('a token that was seen is let through at once, and nobody is asked', async () => {
    await see({ validation })
    const before = { ...server.asked }
    for (const method of ['POST', 'GET', 'DELETE']) expect(await tell({ method })).toEqual(AT_ONCE)
    expect(server.asked).toEqual(before)
  })

  test('who asks is described as the first time, and is nobody else’s object', async () => {
    await see({ validation, scopeHierarchy: { 'files:read': ['files:list'] } })
    const anew = await authOf(decide({ authorization: `bearer ${token}` }))
    const [first, second] = [await authOf(decide()), await authOf(decide())]
    expect(first).toEqual(anew)
    first?.scopes.push('files:write')
    expect(second?.scopes).toEqual(['files:read', 'files:list'])
    expect((await authOf(decide()))?.scopes).toEqual(['files:read', 'files:list'])
    expect(first?.resource).not.toBe(second?.resource)
  })

  test('another token is not taken for it', async () => {
    await see({ validation })
    const other = await server.sign()
    server.revoked.add(other)
    const forged = `${token.slice(0, -4)}AAAA`
    server.revoked.add(forged)
    expect((await tell({ authorization: `Bearer ${forged}` }))[1]).toBe('401 invalid_token')
    for (const authorization of [`Bearer ${token}, Bearer ${token}`, `Bearer ${token}, Bearer ${other}`])
      expect(await tell({ authorization })).toEqual([false, '400 invalid_request'])
  })

  test('its expiry ends it', async () => {
    await see({ validation }, { exp: server.platform.seconds + 0.4 })
    server.platform.seconds += 0.4
    expect(await tell()).toEqual(REFUSED)
  })

  test('a revocation ends it', async () => {
    await see({ validation }, { jti: 'jti-1' })
    server.revoked.add(token)
    server.denials.push({ kind: 'token', subject: 'jti-1', expires_at: server.platform.seconds + 3600 })
    server.platform.seconds += 0.6
    expect(await tell()).toEqual(REFUSED)
    expect(await tell()).toEqual(REFUSED)
  })

  test('silence of the authorization server ends it', async () => {
    await see({ validation })
    server.down = new Set(['introspect', 'revocations'])
    server.platform.seconds += 31
    expect(await tell()).toEqual([false, '503 temporarily_unavailable'])
  })

  test('the end of the protection ends it', async () => {
    await see({ validation })
    protection.close()
    expect((await tell())[0]).toBe(false)
  })

  test('the whole way is gone where there is more to look at', async () => {
    await see({ validation })
    const whole: [Sent, string][] = [
      [{ target: `/mcp?access_token=${token}` }, '400 invalid_request'],
      [{ target: '/mcp?x=1' }, '200'],
      [{ authorization: `bearer ${token}` }, '200'],
      [{ authorization: `Bearer  ${token}` }, '200'],
      [{ authorization: `Bearer ${token} ${token}` }, '400 invalid_request'],
      [{ authorization: `DPoP ${token}` }, '401 invalid_token'],
      [{ authorization: `Basic ${token}` }, '401 missing_token'],
      [{ authorization: '' }, '401 missing_token'],
    ]
    for (const [sent, outcome] of whole) expect(await tell(sent)).toEqual([false, outcome])
  })

  test('a token that is bound to a key is never enough', async () => {
    protection = server.protect({ validation })
    token = await server.sign({ cnf: { jkt: 'abc' } })
    for (let time = 0; time < 3; time += 1) expect(await tell()).toEqual(REFUSED)
  })

  test('metadata and preflights are answered, whoever asks', async () => {
    await see({ validation })
    const target = '/.well-known/oauth-protected-resource/mcp'
    expect(await statusOf(decide({ method: 'GET', target }))).toBe(200)
    const headers = { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' }
    expect(await statusOf(decide({ method: 'OPTIONS', headers }))).toBe(204)
  })

  test('an origin gets its headers', async () => {
    await see({ validation })
    const decision = await decide({ headers: { Origin: 'https://app.example' } })
    expect(decision).toMatchObject({ cors: { 'Access-Control-Allow-Origin': '*' } })
    expect(await decide()).toMatchObject({ cors: undefined })
  })

  test('a session is the one of who opened it', async () => {
    await see({ validation })
    const opened = await decide()
    if (opened.answer === undefined) opened.noteSession?.(200, 'session-1')
    const headers = { 'Mcp-Session-Id': 'session-1' }
    expect(await tell({ headers })).toEqual(AT_ONCE)
    token = await server.sign({ sub: 'mallory' })
    expect(await tell()).toEqual([false, '200'])
    expect(await tell()).toEqual(AT_ONCE)
    expect(await statusOf(decide({ headers }))).toBe(404)
  })

  test('a scope that is missing is asked for every time', async () => {
    protection = server.protect({ validation, requiredScopes: ['files:write'] })
    token = await server.sign()
    for (let time = 0; time < 3; time += 1) expect(await tell()).toEqual([false, '403 insufficient_scope'])
  })

  test('public paths, and a table of tools, are looked at every time', async () => {
    await see({ validation, publicPaths: ['/health'] })
    expect(await authOf(decide({ target: '/health' }))).toBeUndefined()
    protection = server.protect({ validation, toolScopes: { read: ['files:read'] } })
    for (let time = 0; time < 2; time += 1) expect(await statusOf(decide())).toBe(400)
  })
})

describe.each(['local', 'introspect'] as const)('%s, with the feed in the background', (validation) => {
  /** Answers the request that the feed holds. */
  let wake: () => void

  beforeEach(async () => {
    server = await createFakeServer({ hasBackground: true })
    server.beforeFed = (query, signal) =>
      query.get('wait') === '0'
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            wake = resolve
            signal?.addEventListener('abort', () => reject(new Error('aborted')))
          })
    await see({ validation })
    // An introspection is kept only once the feed has been heard.
    await expect.poll(() => tell()).toEqual(AT_ONCE)
  })
  afterEach(() => protection.close())

  test('a revocation ends it as soon as it is heard of', async () => {
    server.denials.push({ kind: 'grant', subject: 'grant_1', expires_at: server.platform.seconds + 9 })
    server.revoked.add(token)
    await expect.poll(() => server.asked.revocations).toBe(2)
    expect(await tell()).toEqual(AT_ONCE)
    wake()
    await expect.poll(() => tell()).toEqual(REFUSED)
  })

  test('silence of the feed ends it', async () => {
    server.down.add('introspect')
    server.platform.seconds += 31
    expect(await tell()).toEqual([false, '503 temporarily_unavailable'])
  })

  test('nothing is let through at once after the end', async () => {
    protection.close()
    expect((await tell())[0]).toBe(false)
  })
})

test('local: keys that are too old are asked for, and those that were withdrawn end it', async () => {
  await see({ validation: 'local' })
  server.keys = []
  server.platform.seconds += 301
  await tell()
  expect((await tell())[1]).not.toBe('200')
})

test('introspect: an answer is worth something for ten seconds', async () => {
  await see({ validation: 'introspect' })
  server.platform.seconds += 5
  expect((await tell())[1]).toBe('200')
  expect(await tell()).toEqual(AT_ONCE)
  server.platform.seconds += 5
  await tell()
  expect(server.asked.introspect).toBe(2)
})

async function authOf(decision: Decision | Promise<Decision>) {
  const decided = await decision
  return decided.answer === undefined ? decided.auth : undefined
}

async function statusOf(decision: Decision | Promise<Decision>): Promise<number | undefined> {
  return (await decision).answer?.status
}
