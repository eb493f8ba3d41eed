import { afterEach, expect, test, vi } from 'vitest'
import type { Queue } from '../queue.ts'
import { hashPassword, isOutdatedHash, isPassword } from './password_hash.ts'

afterEach(() => vi.restoreAllMocks())

/** How many iterations a check costs. */
async function costOf(check: Promise<unknown>): Promise<number> {
  const spy = vi.mocked(crypto.subtle.deriveBits)
  await check
  return spy.mock.calls.reduce(
    (sum, [algorithm]) => sum + Number((algorithm as { iterations: number }).iterations),
    0,
  )
}

test('a hash describes itself, is salted, and fits its password only', async () => {
  const [hash, other] = await Promise.all([
    hashPassword('a password', { iterations: 1000 }),
    hashPassword('a password', { iterations: 1000 }),
  ])
  expect(hash).toMatch(/^pbkdf2-sha256\$1000\$[\w-]{22}\$[\w-]{43}$/)
  expect(hash).not.toBe(other)
  expect(await isPassword('a password', hash, { iterations: 1000 })).toBe(true)
  expect(await isPassword('a passwore', hash, { iterations: 1000 })).toBe(false)
})

test('it is PBKDF2-HMAC-SHA-256 (RFC 7914 §11)', async () => {
  const expected = Buffer.from('55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc', 'hex')
  const key = await crypto.subtle.importKey('raw', Buffer.from('passwd'), 'PBKDF2', false, ['deriveBits'])
  const salt = Buffer.from('salt')
  const bits = await crypto.subtle.deriveBits(
    { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 1 },
    key,
    256,
  )
  expect(Buffer.from(bits)).toEqual(expected)
})

test('a character is the same however it was typed', async () => {
  const hash = await hashPassword('caf\u00e9 caf\u00e9 \ufb01ne', { iterations: 1000 })
  expect(await isPassword('cafe\u0301 cafe\u0301 fine', hash, { iterations: 1000 })).toBe(true)
})

test('no account, an older hash, rubbish in its place and a current hash cost the same', async () => {
  const current = await hashPassword('a password', { iterations: 3000 })
  const older = await hashPassword('a password', { iterations: 1000 })
  for (const stored of [current, older, null, undefined, 'bcrypt$x', '']) {
    vi.spyOn(crypto.subtle, 'deriveBits')
    expect(await costOf(isPassword('wrong', stored, { iterations: 3000 })), String(stored)).toBe(3000)
    vi.restoreAllMocks()
  }
})

test('each check queues once, and all its work is done in its place', async () => {
  const older = await hashPassword('a password', { iterations: 1000 })
  for (const stored of [older, null]) {
    vi.spyOn(crypto.subtle, 'deriveBits')
    const costs: number[] = []
    const queue: Queue = async (work) => {
      const result = work()
      costs.push(await costOf(result))
      return result
    }
    await isPassword('wrong', stored, { iterations: 3000, queue })
    expect(costs, String(stored)).toEqual([3000])
    vi.restoreAllMocks()
  }
})

test('a hash of fewer iterations is outdated', async () => {
  const hash = await hashPassword('a password', { iterations: 1000 })
  expect(isOutdatedHash(hash, { iterations: 1001 })).toBe(true)
  expect(isOutdatedHash(hash, { iterations: 1000 })).toBe(false)
  expect(isOutdatedHash(hash, { iterations: 999 })).toBe(false)
})
