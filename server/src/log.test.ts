import { describe, expect, it } from 'vitest'
import { describeError } from './log.ts'

class Refusal extends Error {
  readonly code = 'refused'
  readonly token = 'a token'
}

describe('an error in the log', () => {
  it('is its type, message and code, and those of its causes, and nothing else', () => {
    const cause = new TypeError('inner', { cause: { token: 'a token' } })
    const described = { type: 'TypeError', message: 'inner', cause: '[object Object]' }
    expect(describeError(new Refusal('outer', { cause }), false)).toEqual({
      type: 'Refusal',
      message: 'outer',
      code: 'refused',
      cause: described,
    })
    expect(describeError(new AggregateError([cause], 'all'), false)).toEqual({
      type: 'AggregateError',
      message: 'all',
      errors: [described],
    })
  })

  it('has a stack where that is asked for, and its causes too', () => {
    const error = new Error('outer', { cause: new Error('inner') })
    expect(describeError(error, true)).toMatchObject({
      stack: error.stack,
      cause: { stack: (error.cause as Error).stack },
    })
  })

  it('ends, where its causes go round in a circle', () => {
    const error = new Error('round')
    error.cause = error
    const text = JSON.stringify(describeError(error, false))
    expect(text.split('"message"').length - 1).toBe(6)
  })

  it('may be something that is none', () => {
    expect(describeError('gone', false)).toBe('gone')
    expect(describeError(undefined, false)).toBeUndefined()
  })
})
