import { beforeAll, describe, expect, it } from 'vitest'
import { createPurposeKeys } from '../../../tests/support/purpose_keys.ts'
import type { PurposeKeys } from '../keys/purpose_keys.ts'
import { newFamily, parseRefreshToken, refreshToken } from './refresh_token.ts'

let keys: PurposeKeys

beforeAll(async () => {
  keys = await createPurposeKeys()
})

describe('a refresh token', () => {
  it('names its family and generation', () => {
    const parts = { family: newFamily(), generation: 41 }
    const token = refreshToken(keys, parts)
    expect(token).toMatch(/^rt_[\w-]{22}\.41\.[\w-]{43}$/)
    expect(parseRefreshToken(keys, token)).toEqual(parts)
  })

  it('is always the same for a generation, and another for the next', () => {
    const family = newFamily()
    expect(refreshToken(keys, { family, generation: 1 })).toBe(refreshToken(keys, { family, generation: 1 }))
    expect(refreshToken(keys, { family, generation: 2 })).not.toBe(
      refreshToken(keys, { family, generation: 1 }),
    )
  })

  it('may have the longest generation that fits the column', () => {
    const parts = { family: newFamily(), generation: 999_999_999 }
    expect(parseRefreshToken(keys, refreshToken(keys, parts))).toEqual(parts)
  })

  it('has a family of 128 random bits', () => {
    expect(new Set(Array.from({ length: 1_000 }, newFamily)).size).toBe(1_000)
    expect(Buffer.from(newFamily(), 'base64url')).toHaveLength(16)
  })
})

describe('a text is no refresh token of ours', () => {
  const family = 'A'.repeat(22)
  const valid = () => refreshToken(keys, { family, generation: 10 })

  it.each([
    ['when it is empty', () => ''],
    ['when it is something else', () => 'eyJhbGciOiJub25lIn0.e30.'],
    ['with another generation', () => valid().replace('.10.', '.11.')],
    ['with another family', () => valid().replace('rt_A', 'rt_B')],
    ['with another mac', () => valid().replace(/[\w-]{43}$/, 'A'.repeat(43))],
    ['without a mac', () => valid().replace(/\.[\w-]{43}$/, '')],
    ['with a generation that begins with 0', () => valid().replace('.10.', '.010.')],
    ['with a negative generation', () => valid().replace('.10.', '.-10.')],
    ['with a generation in another notation', () => valid().replace('.10.', '.1e1.')],
    ['with a generation beyond the column', () => valid().replace('.10.', '.1000000000.')],
    ['with white space before it', () => ` ${valid()}`],
    ['with a line feed after it', () => `${valid()}\n`],
    ['in upper case', () => valid().replace('rt_', 'RT_')],
  ])('%s', (_, make) => {
    expect(parseRefreshToken(keys, make())).toBeUndefined()
  })

  it('when another server made it', async () => {
    expect(parseRefreshToken(await createPurposeKeys(), valid())).toBeUndefined()
  })
})
