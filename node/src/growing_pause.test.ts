import { expect, it } from 'vitest'
import { GrowingPause } from './growing_pause.ts'

it('grows with each failure, up to half a minute, and begins anew after a calm minute', () => {
  let now = 0
  const pause = new GrowingPause(() => now)
  const pauses = Array.from({ length: 11 }, () => pause.next())
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
  now += 60_000
  expect(pause.next()).toBe(30_000)
  now += 100_000
  expect(pause.next()).toBe(100)
})
