import { silentLog } from '@auth-agent/server/log'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { repeat } from './repeat.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('runs a task again and again, also after it failed', async () => {
  const error = vi.fn()
  const task = vi.fn(async () => {}).mockRejectedValueOnce(new Error('broken'))
  const stop = repeat(task, 1_000, { ...silentLog, error })
  await vi.advanceTimersByTimeAsync(3_500)
  expect(task).toHaveBeenCalledTimes(3)
  expect(error).toHaveBeenCalledTimes(1)
  await stop(1_000)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(task).toHaveBeenCalledTimes(3)
})

it('never runs it twice at a time, and waits for it when stopped', async () => {
  let finish = () => {}
  const task = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)))
  const stop = repeat(task, 1_000, silentLog)
  await vi.advanceTimersByTimeAsync(5_500)
  expect(task).toHaveBeenCalledTimes(1)
  const stopped = vi.fn()
  const stopping = stop(1_000).then(stopped)
  await vi.advanceTimersByTimeAsync(10)
  expect(stopped).not.toHaveBeenCalled()
  finish()
  await stopping
  expect(stopped).toHaveBeenCalled()
})

it('gives up waiting for a run that takes too long, and says so', async () => {
  const warn = vi.fn()
  const stop = repeat(() => new Promise(() => {}), 1_000, { ...silentLog, warn })
  await vi.advanceTimersByTimeAsync(1_500)
  const stopping = stop(500)
  await vi.advanceTimersByTimeAsync(500)
  await stopping
  expect(warn).toHaveBeenCalledWith({}, expect.stringContaining('Maintenance was cut off'))
})
