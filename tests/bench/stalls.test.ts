import { describe, expect, it } from 'vitest'
import { watchForStalls } from '../../bench/comparison/stalls.ts'

describe('stalls of what asks', () => {
  it('are all that is longer than the work for an answer, each once', () => {
    const stalls = watchForStalls(0)
    for (const now of [1, 2, 12, 13, 20]) stalls.notice(now)
    expect(stalls.total).toBe(10 + 7)
  })

  it('leave no answer timed in their turn of the loop and in the next, and each after that', () => {
    const stalls = watchForStalls(0)
    expect(stalls.areOver).toBe(true)
    stalls.notice(10)
    expect(stalls.areOver).toBe(false)
    stalls.turn()
    stalls.notice(11)
    expect(stalls.areOver).toBe(false)
    stalls.turn()
    stalls.notice(12)
    expect(stalls.areOver).toBe(true)
  })
})
