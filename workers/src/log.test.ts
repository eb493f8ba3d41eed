import { expect, it, onTestFinished, vi } from 'vitest'
import { createLog, type LogLevel } from './log.ts'

function logged(level: LogLevel): { msg: string; err: Record<string, unknown> } {
  const console_ = vi.spyOn(console, 'error').mockReturnValue()
  onTestFinished(() => console_.mockRestore())
  createLog(level).error({ err: new TypeError('outer', { cause: new Error('inner') }) }, 'Failed.')
  return JSON.parse(console_.mock.calls.at(-1)?.[0] as string)
}

it('the log tells an error without its stack', () => {
  expect(logged('info')).toMatchObject({ level: 'error', msg: 'Failed.', service: 'auth-agent' })
  expect(logged('info').err).toEqual({
    type: 'TypeError',
    message: 'outer',
    cause: { type: 'Error', message: 'inner' },
  })
})

it('and with it at debug', () => {
  expect(logged('debug').err).toMatchObject({
    stack: expect.stringContaining('log.test'),
    cause: { stack: expect.any(String) },
  })
})
