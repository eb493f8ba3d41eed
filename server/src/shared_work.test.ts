import { expect, it } from 'vitest'
import { LateError, SharedWork } from './shared_work.ts'

it('is done once for all who ask while it is under way, and anew for the next', async () => {
  const shared = new SharedWork<number>(10_000)
  const { promise, resolve } = Promise.withResolvers<number>()
  let begun = 0
  const work = () => {
    begun += 1
    return promise
  }
  const waiting = [shared.run(work), shared.run(work)]
  expect(shared.isRunning).toBe(true)
  resolve(7)
  expect(await Promise.all(waiting)).toEqual([7, 7])
  expect([begun, shared.isRunning]).toEqual([1, false])
  await shared.run(work)
  expect(begun).toBe(2)
})

it('tells all of its failure, and is tried again', async () => {
  const shared = new SharedWork<string>(10_000)
  const fail = () => Promise.reject(new Error('away'))
  const outcomes = await Promise.allSettled([shared.run(fail), shared.run(fail)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await shared.run(async () => 'back')).toBe('back')
})

it('is given up where the request that began it was cut off', async () => {
  const shared = new SharedWork<string>(20)
  const never = () => new Promise<string>(() => {})
  const outcomes = await Promise.allSettled([shared.run(never), shared.run(never)])
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: expect.any(LateError) })
  expect(await shared.run(async () => 'anew')).toBe('anew')
})
