import { expect, it } from 'vitest'
import { createLog } from './log.ts'

function logged(level: Parameters<typeof createLog>[0]): { msg: string; err: Record<string, unknown> } {
  const lines: string[] = []
  const log = createLog(level, { write: (line) => void lines.push(line) })
  log.error({ err: new TypeError('outer', { cause: new Error('inner') }) }, 'Failed.')
  return JSON.parse(lines.join(''))
}

it.each(['info', 'error'] as const)('the log tells an error without its stack at %s', (level) => {
  expect(logged(level)).toMatchObject({ level: 'error', msg: 'Failed.', service: 'auth-agent' })
  expect(logged(level).err).toEqual({
    type: 'TypeError',
    message: 'outer',
    cause: { type: 'Error', message: 'inner' },
  })
})

it.each(['debug', 'trace'] as const)('and with it at %s', (level) => {
  expect(logged(level).err).toMatchObject({
    stack: expect.stringContaining('log.test'),
    cause: { stack: expect.any(String) },
  })
})
