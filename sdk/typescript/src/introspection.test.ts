import { beforeEach, describe, expect, test } from 'vitest'
import type { Protection } from './protection.ts'
import { createFakeServer, type FakeServer } from './testing/authorization_server.ts'
import { settle } from './testing/platform.ts'
import { send } from './testing/request.ts'

const REFUSED = '401 invalid_token'
const UNAVAILABLE = '503 temporarily_unavailable'

let server: FakeServer
let protection: Protection
beforeEach(async () => {
  server = await createFakeServer()
  protection = server.protect()
})

test('look-ups of one token at the same time share one call, and the answer serves for 10 s', async () => {
  const token = await server.sign()
  const answers = await Promise.all(Array.from({ length: 20 }, () => send(protection, token)))
  expect(new Set(answers)).toEqual(new Set(['200']))
  server.platform.seconds += 9.9
  expect(await send(protection, token)).toBe('200')
  expect(server.asked.introspect).toBe(1)
  server.platform.seconds += 0.1
  expect(await send(protection, token)).toBe('200')
  expect(server.asked.introspect).toBe(2)
})

test('an answer serves no longer than its token', async () => {
  const token = await server.sign({ exp: server.platform.seconds + 2 })
  expect(await send(protection, token)).toBe('200')
  server.platform.seconds += 2
  expect(await send(protection, token)).toBe(REFUSED)
})

test('a refusal is not kept', async () => {
  const token = await server.sign()
  server.revoked.add(token)
  expect(await send(protection, token)).toBe(REFUSED)
  server.revoked.clear()
  expect(await send(protection, token)).toBe('200')
})

test('without the feed nothing is kept; when it is back, answers are', async () => {
  const token = await server.sign()
  server.down.add('revocations')
  await send(protection, token)
  await send(protection, token)
  expect(server.asked.introspect).toBe(2)
  server.down.clear()
  server.platform.seconds += 3
  await send(protection, token)
  await send(protection, token)
  expect(server.asked.introspect).toBe(3)
  server.down.add('revocations')
  server.platform.seconds += 1
  await send(protection, token)
  expect(server.asked.introspect).toBe(4)
})

test('the authorization server down is 503, never 200 for what was not checked, and recovers by itself', async () => {
  const token = await server.sign()
  server.down = new Set(['introspect', 'revocations'])
  expect(await send(protection, token)).toBe(UNAVAILABLE)
  server.down.clear()
  expect(await send(protection, token)).toBe('200')
})

test('introspection down: the operator is told once in 10 s at most, and when it is over', async () => {
  const token = await server.sign()
  server.down = new Set(['introspect'])
  for (let request = 0; request < 50; request += 1) {
    expect(await send(protection, token)).toBe(UNAVAILABLE)
    server.platform.seconds += 1
  }
  const told = /^access tokens cannot be checked, .*503: https:\/\/auth\.example cannot be reached/
  expect(server.platform.warnings).toEqual([expect.stringMatching(told)])
  server.down.clear()
  expect(await send(protection, token)).toBe('200')
  expect(await send(protection, await server.sign())).toBe('200')
  expect(server.platform.warnings.slice(1)).toEqual(['access tokens can be checked again'])
  expect(server.platform.warnings.join()).not.toContain(token)
})

test('an API key that is refused is told to the operator, without the key', async () => {
  const refusing = { ...server.platform, fetch: async () => Response.json({}, { status: 401 }) }
  const { createProtectionOn } = await import('./create_protection.ts')
  const { OPTIONS } = await import('./testing/authorization_server.ts')
  expect(await send(createProtectionOn(refusing, OPTIONS), await server.sign())).toBe(UNAVAILABLE)
  expect(server.platform.warnings).toEqual([expect.stringMatching(/refused the API key/)])
  expect(server.platform.warnings.join()).not.toContain('sk_test')
})

describe('a revocation while an introspection is in flight', () => {
  let answer: () => void
  beforeEach(() => {
    server.beforeIntrospected = () =>
      new Promise((resolve) => {
        answer = resolve
      })
  })

  test('the answer is not kept, and who comes after the denial does not share it', async () => {
    const token = await server.sign({ jti: 'jti-1' })
    const early = send(protection, token)
    await settle()
    const answerEarly = answer
    server.revoked.add(token)
    server.denials.push({ kind: 'token', subject: 'jti-1', expires_at: server.platform.seconds + 3600 })
    server.platform.seconds += 1
    const late = send(protection, token)
    await settle()
    expect(server.asked.introspect).toBe(2)
    answer()
    expect(await late).toBe(REFUSED)
    answerEarly()
    // It was good when it was asked about, and is not when it would be used.
    expect(await early).toBe(REFUSED)
    server.beforeIntrospected = async () => undefined
    expect(await send(protection, token)).toBe(REFUSED)
  })

  test('a denial of another token empties the cache as well', async () => {
    server.beforeIntrospected = async () => undefined
    const token = await server.sign()
    await send(protection, token)
    server.denials.push({ kind: 'token', subject: 'other', expires_at: server.platform.seconds + 3600 })
    server.platform.seconds += 1
    await send(protection, token)
    expect(server.asked.introspect).toBe(2)
  })
})

test('where a request may not wait for another one, each asks itself', async () => {
  server = await createFakeServer({ outlivesRequests: false })
  protection = server.protect()
  const token = await server.sign()
  await Promise.all([send(protection, token), send(protection, token)])
  expect(server.asked.introspect).toBe(2)
})
