import { expect, it } from 'vitest'
import { BACKGROUND_MS, DRAIN_MS, FAREWELL_MS, GRACE_MS, leftOf, WORKER_MS } from './stop_times.ts'

it('the parts of a stop fit into each other, and all of them into the ten seconds of DEPLOYMENT.md', () => {
  expect(DRAIN_MS + GRACE_MS).toBeLessThan(BACKGROUND_MS)
  expect(BACKGROUND_MS + FAREWELL_MS).toBeLessThan(WORKER_MS)
  expect(WORKER_MS + FAREWELL_MS).toBeLessThanOrEqual(10_000)
})

it('what is left of a time is never less than nothing', () => {
  expect(leftOf(1_000, performance.now() - 2_000)).toBe(0)
  expect(leftOf(600_000, performance.now())).toBeGreaterThan(0)
})
