import { expect, it } from 'vitest'
import { BackgroundWork } from './background_work.ts'

/** Longer than a test may take: what would wait for it fails. In milliseconds. */
const NEVER = 600_000

it('all of it is waited for, of what begins meanwhile as well', async () => {
  const background = new BackgroundWork()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  background.add(first.promise)
  const settled = background.settle(NEVER)
  background.add(second.promise)
  first.resolve()
  expect(await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 20))])).toBeUndefined()
  second.resolve()
  expect(await settled).toBe(0)
})

it('what takes longer is left, and counted', async () => {
  const background = new BackgroundWork()
  for (let n = 0; n < 3; n += 1) background.add(new Promise(() => {}))
  background.add(Promise.resolve())
  expect(await background.settle(20)).toBe(3)
})
