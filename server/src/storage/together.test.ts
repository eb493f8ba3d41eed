import { describe, expect, it } from 'vitest'
import { askTogether, MOST_TOGETHER } from './together.ts'

/** Turns that end when the test says so. */
function createTurns() {
  let turn = Promise.withResolvers<void>()
  return {
    endOfTurn: () => turn.promise,
    end() {
      turn.resolve()
      turn = Promise.withResolvers()
    },
  }
}

/** Answers each number with its double, and notes what was asked for together. */
function createDoubling() {
  const asked: (readonly number[])[] = []
  const double = async (items: readonly number[]) => {
    asked.push([...items])
    if (items.includes(13)) throw new Error('unlucky')
    return items.map((item) => 2 * item)
  }
  return { asked, double }
}

describe('what is asked for in one turn', () => {
  it('is asked for together, and each gets the answer to its own', async () => {
    const { endOfTurn, end } = createTurns()
    const { asked, double } = createDoubling()
    const ask = askTogether(endOfTurn, double)
    const answers = Promise.all([ask(1), ask(2), ask(1)])
    end()
    expect(await answers).toEqual([2, 4, 2])
    expect(asked).toEqual([[1, 2, 1]])
  })

  it('does not wait for what was asked for before', async () => {
    const { endOfTurn, end } = createTurns()
    const asked: (readonly string[])[] = []
    const never = askTogether(endOfTurn, (items: readonly string[]) => {
      asked.push(items)
      return items.includes('slow') ? new Promise<string[]>(() => {}) : Promise.resolve([...items])
    })
    void never('slow')
    end()
    await Promise.resolve()
    const next = never('quick')
    end()
    expect(await next).toBe('quick')
    expect(asked).toEqual([['slow'], ['quick']])
  })

  it('fails together where the question fails, and nothing else does', async () => {
    const { endOfTurn, end } = createTurns()
    const { double } = createDoubling()
    const ask = askTogether(endOfTurn, double)
    const answers = Promise.allSettled([ask(1), ask(13)])
    end()
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const next = ask(3)
    end()
    expect(await next).toBe(6)
  })

  it('is so much at the most; what is more goes together as well', async () => {
    const { endOfTurn, end } = createTurns()
    const { asked, double } = createDoubling()
    const ask = askTogether(endOfTurn, double)
    const numbers = Array.from({ length: 2 * MOST_TOGETHER + 3 }, (_, index) => 100 + index)
    const answers = Promise.all(numbers.map(ask))
    end()
    expect(await answers).toEqual(numbers.map((number) => 2 * number))
    expect(asked.map((items) => items.length)).toEqual([MOST_TOGETHER, MOST_TOGETHER, 3])
  })

  it('is asked for one by one where there are no turns', async () => {
    const { asked, double } = createDoubling()
    const ask = askTogether(undefined, double)
    expect(await Promise.all([ask(1), ask(2)])).toEqual([2, 4])
    expect(asked).toEqual([[1], [2]])
  })
})
