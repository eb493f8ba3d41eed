import { expect, test } from 'vitest'
import { ReplayMemory } from './replay_memory.ts'

test('a proof comes once while it could be replayed, to the last second of it', async () => {
  const memory = new ReplayMemory()
  await memory.add('a', 60, 0)
  await expect(memory.add('a', 60, 60)).rejects.toMatchObject({ code: 'invalid_dpop_proof' })
  await memory.add('a', 121, 61)
})

test('who is full remembers what it has, and is free again when that has passed', async () => {
  const memory = new ReplayMemory(3)
  for (const proof of ['a', 'b', 'c']) await memory.add(proof, 60, 0)
  await expect(memory.add('d', 60, 1)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  await expect(memory.add('a', 60, 1)).rejects.toMatchObject({ code: 'invalid_dpop_proof' })
  await memory.add('d', 121, 61)
})

test('what lasts longer does not keep alive what came after it', async () => {
  const memory = new ReplayMemory(2)
  await memory.add('long', 120, 0)
  await memory.add('short', 10, 0)
  await memory.add('new', 71, 11)
})
