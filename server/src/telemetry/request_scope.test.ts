import { expect, it } from 'vitest'
import { silentLog } from '../log.ts'
import {
  currentInvocation,
  currentRequestId,
  runInvocation,
  runRequest,
  withRequestId,
} from './request_scope.ts'

it('what is no request has no id in the log, and a request within it has one', () => {
  const logged: object[] = []
  const log = withRequestId({ ...silentLog, info: (fields) => void logged.push(fields) })
  const invocation = {}
  runInvocation(invocation, () => {
    expect(currentInvocation()).toBe(invocation)
    expect(currentRequestId()).toBeUndefined()
    log.info({ what: 'a start' }, 'It started.')
    runRequest({ requestId: 'req_1', invocation }, () => log.info({ what: 'a request' }, 'It came.'))
  })
  expect(logged).toEqual([{ what: 'a start' }, { requestId: 'req_1', what: 'a request' }])
  expect(currentInvocation()).toBeUndefined()
})
