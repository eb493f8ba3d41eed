import { describe, expect, it } from 'vitest'
import { type Family, newFamily, type Outcome, present } from './rule.ts'

const HOUR = 3_600

/** Presents one generation after the other, each at its moment, and says what became of them. */
function play(family: Family, presentations: readonly (readonly [generation: number, at: number])[]) {
  const outcomes: Outcome[] = []
  let current = family
  for (const [generation, at] of presentations) {
    const presented = present(current, generation, at)
    outcomes.push(presented.outcome)
    current = presented.family
  }
  return { outcomes, family: current }
}

/** Each of so many generations, twice, and so many seconds apart. */
function doubled(generations: number, apart: number): [number, number][] {
  return Array.from({ length: generations }, (_, generation) => generation).flatMap((generation) => [
    [generation, generation * HOUR],
    [generation, generation * HOUR + apart],
  ])
}

describe('five generations in a row that are doubled in the window', () => {
  it('are theft at the fifth', () => {
    const { outcomes } = play(newFamily(), doubled(5, 30))
    expect(outcomes.slice(0, 8)).toEqual(Array(4).fill(['rotated', 'raced']).flat())
    expect(outcomes.slice(8)).toEqual(['rotated', 'theft'])
  })

  it('are tolerated where the family is bound to a key, or its client authenticates', () => {
    const { outcomes, family } = play(newFamily(true), doubled(50, 30))
    expect(outcomes).toEqual(Array(50).fill(['rotated', 'raced']).flat())
    expect(family.current).toBe(50)
  })

  it('are not in a row where one of them was not doubled', () => {
    const presentations = doubled(12, 30).filter(
      ([generation, at]) => at % HOUR === 0 || generation % 4 !== 3,
    )
    const { outcomes } = play(newFamily(), presentations)
    expect(outcomes).not.toContain('theft')
  })

  it('are in a row also where one of them was replayed later instead', () => {
    const presentations = doubled(6, 30).map(([generation, at]): [number, number] =>
      generation === 2 && at % HOUR !== 0 ? [2, 2 * HOUR + 120] : [generation, at],
    )
    expect(play(newFamily(), presentations).outcomes).toEqual([
      ...['rotated', 'raced', 'rotated', 'raced', 'rotated', 'repeated'],
      ...['rotated', 'raced', 'rotated', 'raced', 'rotated', 'theft'],
    ])
  })

  it('count once each, however often each was doubled', () => {
    const often = doubled(4, 10).flatMap(([generation, at]): [number, number][] => [
      [generation, at],
      [generation, at + 20],
      [generation, at + 25],
    ])
    expect(play(newFamily(), often).outcomes).not.toContain('theft')
  })
})

describe('a generation that is doubled after the window', () => {
  it('is theft when the one before it was as well', () => {
    const { outcomes } = play(newFamily(), doubled(2, 120))
    expect(outcomes).toEqual(['rotated', 'repeated', 'rotated', 'theft'])
  })

  it('is a lost response when the one before it was not', () => {
    const everySecond = doubled(20, 120).filter(([generation, at]) => at % HOUR === 0 || generation % 2 === 0)
    expect(play(newFamily(), everySecond).outcomes).not.toContain('theft')
  })

  it('is tolerated where the family is bound to a key, but not two generations later', () => {
    const { outcomes, family } = play(newFamily(true), doubled(20, 120))
    expect(outcomes).not.toContain('theft')
    expect(present(family, family.current - 2, 100 * HOUR).outcome).toBe('theft')
  })
})

describe('the race window', () => {
  it.each([
    [59, 'raced'],
    [60, 'repeated'],
  ])('is over after a minute: %i s', (apart, outcome) => {
    expect(play(newFamily(), doubled(1, apart)).outcomes).toEqual(['rotated', outcome])
  })

  it('is open to each generation that was superseded in it, and the current token comes back', () => {
    const { family } = play(
      newFamily(),
      [0, 1, 2, 3].map((generation) => [generation, generation * 10]),
    )
    expect(present(family, 0, 59)).toMatchObject({ outcome: 'raced', answer: 4 })
    expect(present(family, 0, 60)).toMatchObject({ outcome: 'theft', answer: null })
    expect(present(family, 1, 60)).toMatchObject({ outcome: 'raced', answer: 4 })
  })
})

describe('a family that is revoked', () => {
  it('answers no generation: old, current, ahead', () => {
    const { family } = play(newFamily(), doubled(2, 120))
    expect(family.revoked).toBe(true)
    for (const generation of [0, 1, 2, 3, 99]) {
      expect(present(family, generation, 10 * HOUR)).toEqual({ outcome: 'revoked', family, answer: null })
    }
  })
})

describe('a generation ahead of the row', () => {
  it('moves it forward, and the window of the one that was presented begins', () => {
    const { outcomes, family } = play(newFamily(), [
      [7, 0],
      [7, 30],
      [7, 120],
      [8, 121],
    ])
    expect(outcomes).toEqual(['ahead', 'raced', 'repeated', 'rotated'])
    expect(family.current).toBe(9)
  })
})
