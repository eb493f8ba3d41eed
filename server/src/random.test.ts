import { describe, expect, it } from 'vitest'
import { randomName } from './random.ts'

describe('a random name', () => {
  it('has 128 bits, and is another each time, from one stock to the next', () => {
    const names = Array.from({ length: 2_000 }, randomName)
    expect(names.every((name) => /^[\w-]{22}$/.test(name))).toBe(true)
    expect(new Set(names).size).toBe(names.length)
  })
})
