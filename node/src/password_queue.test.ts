import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { createPasswordQueue } from './password_queue.ts'

it('as many are stretched at once as there are cores, and fewer than there are threads', async () => {
  const queue = createPasswordQueue(3)
  let atOnce = 0
  let most = 0
  const order: number[] = []
  const work = (n: number) => async () => {
    atOnce += 1
    most = Math.max(most, atOnce)
    order.push(n)
    await new Promise((resolve) => setImmediate(resolve))
    atOnce -= 1
  }
  await Promise.all([0, 1, 2, 3, 4, 5].map((n) => queue(work(n))))
  expect(most).toBe(Math.min(2, availableParallelism()))
  expect(order).toEqual([0, 1, 2, 3, 4, 5])
})

it('a password that cannot be stretched holds up nobody', async () => {
  const queue = createPasswordQueue(1)
  const failing = queue(() => Promise.reject(new Error('it cannot')))
  const next = queue(async () => 'next')
  await expect(failing).rejects.toThrow('it cannot')
  expect(await next).toBe('next')
})
