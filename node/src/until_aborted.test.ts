import { expect, it } from 'vitest'
import { untilAborted } from './until_aborted.ts'

const never = new Promise<never>(() => {})

it('work is waited for, with its outcome', async () => {
  const { signal } = new AbortController()
  expect(await untilAborted(Promise.resolve(7), signal)).toBe(7)
  expect(await untilAborted(Promise.resolve(7), undefined)).toBe(7)
  await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
})

it('and no longer than until the signal aborts', async () => {
  const stopping = new AbortController()
  const waiting = untilAborted(never, stopping.signal)
  stopping.abort(new Error('told to stop'))
  await expect(waiting).rejects.toBe(stopping.signal.reason)
  await expect(untilAborted(never, stopping.signal)).rejects.toBe(stopping.signal.reason)
  const broken = Promise.reject(new Error('broken'))
  await expect(untilAborted(broken, stopping.signal)).rejects.toBe(stopping.signal.reason)
})
