import { describe, expect, it } from 'vitest'
import type { Run } from '../../bench/comparison/measure.ts'
import { describeAll, medianRatio } from '../../bench/comparison/report.ts'
import { slopeOf } from '../../bench/statistics.ts'

function runOf(rate: number, isSaturated = false): Run {
  return {
    rate,
    p50: 1,
    p99: 2,
    p999: 3,
    steadyRatio: 2,
    untimed: 0,
    errors: 0,
    firstError: undefined,
    serverCpu: 100,
    databaseCpu: 10,
    otherIdle: isSaturated ? 0 : 0.5,
    isSaturated,
    memory: 1e6,
  }
}

describe('the ratio of two who take turns', () => {
  it('is the median of the pairs', () => {
    const others = [runOf(10), runOf(100), runOf(10)]
    expect(medianRatio([runOf(20), runOf(150), runOf(30)], others)).toBe(2)
  })

  it('leaves out pairs of which one says nothing', () => {
    const others = [runOf(10, true), runOf(10), runOf(10)]
    expect(medianRatio([runOf(1_000), runOf(30), runOf(1_000, true)], others)).toBe(3)
  })

  it('is none where every run was thrown away', () => {
    const outcomes = [
      { subject: 'ours', runs: [runOf(10, true)] },
      { subject: 'theirs', runs: [runOf(10)] },
    ]
    const lines = describeAll(['ours', 'theirs'], new Map([['JWKS', outcomes]])).split('\n')
    expect(lines[2]).toBe('| JWKS | – | 10.0 (–) |')
  })

  it('is none where the other one got nothing done', () => {
    const outcomes = [
      { subject: 'ours', runs: [runOf(10)] },
      { subject: 'theirs', runs: [runOf(0)] },
    ]
    const lines = describeAll(['ours', 'theirs'], new Map([['password sign-in', outcomes]])).split('\n')
    expect(lines[2]).toBe('| password sign-in | 10.0 | 0.0 (–) |')
  })
})

describe('a straight line through points', () => {
  it('has their slope, and no error where they lie on it', () => {
    expect(
      slopeOf([
        [0, 1],
        [1, 3],
        [2, 5],
        [3, 7],
      ]),
    ).toEqual({ slope: 2, error: 0 })
  })

  it('has an error where they do not', () => {
    const { slope, error } = slopeOf([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 1],
    ])
    expect(slope).toBeCloseTo(0.2)
    expect(error).toBeCloseTo(Math.sqrt(0.8 / 2 / 5))
  })
})
