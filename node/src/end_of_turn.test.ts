import { expect, it } from 'vitest'
import { createEndOfTurn } from './end_of_turn.ts'

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

it('those who wait in one turn go on right after another, before anybody of the next', async () => {
  const endOfTurn = createEndOfTurn()
  const steps: string[] = []
  const work = async (name: string) => {
    await endOfTurn()
    steps.push(`${name} begins`)
    await endOfTurn()
    steps.push(`${name} ends`)
  }
  const first = [work('one'), work('two')]
  await nextTurn()
  const late = work('late')
  await Promise.all([...first, late])
  expect(steps).toEqual(['one begins', 'two begins', 'one ends', 'two ends', 'late begins', 'late ends'])
})
