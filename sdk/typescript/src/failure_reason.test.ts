import { expect, test } from 'vitest'
import { describeFailure } from './failure_reason.ts'
import { NoAnswerError } from './platform.ts'

test('the code that a runtime gives is shown, however deep it is', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  expect(describeFailure(new TypeError('fetch failed', { cause: refused }))).toBe(
    'cannot be reached (ECONNREFUSED)',
  )
  expect(describeFailure(new NoAnswerError(5_000))).toBe('did not answer within 5 s')
})

test('nothing else of an error is shown', () => {
  const telling = Object.assign(new TypeError('https://auth.example/revocations?cursor=secret'), {
    code: 'cursor=secret',
  })
  for (const error of [telling, 'secret', undefined, { code: 'ENOTFOUND' }]) {
    expect(describeFailure(error)).toBe('cannot be reached')
  }
})
