import { randomInt } from 'node:crypto'
import { expect, it } from 'vitest'
import { Doorkeeper } from './doorkeeper.ts'

const randomHashes = (count: number) => Array.from({ length: count }, () => randomInt(2 ** 30))

it('has met what comes again', () => {
  const doorkeeper = new Doorkeeper()
  const answers = [0, 0, 2 ** 30 - 1, 0, 2 ** 30 - 1, 7].map((hash) => doorkeeper.hasMet(hash))
  expect(answers).toEqual([false, true, false, true, true, false])
})

it('remembers those that it met lately', () => {
  const doorkeeper = new Doorkeeper()
  const hashes = randomHashes(20_000)
  for (const hash of hashes) doorkeeper.hasMet(hash)
  expect(hashes.every((hash) => doorkeeper.hasMet(hash))).toBe(true)
})

it('takes few that are new for old ones, however many it meets', () => {
  const doorkeeper = new Doorkeeper()
  const mistaken = randomHashes(150_000).filter((hash) => doorkeeper.hasMet(hash))
  // 3,600 are to be expected; without forgetting it would be 10,000.
  expect(mistaken.length).toBeLessThan(5_000)
})
