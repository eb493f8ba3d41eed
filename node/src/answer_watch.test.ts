import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { type AnswerWatch, watchAnswers } from './answer_watch.ts'

afterEach(() => void vi.useRealTimers())

function start(answer: (watch: AnswerWatch, question: number) => void) {
  const seen = { questions: 0, givenUp: 0 }
  const watch = watchAnswers(
    { intervalMs: 10, turns: 3 },
    () => {
      seen.questions += 1
      answer(watch, seen.questions)
    },
    () => {
      seen.givenUp += 1
    },
  )
  return { watch, seen }
}

it('who never answers is given up, once, after as many questions', () => {
  vi.useFakeTimers()
  const { seen } = start(() => {})
  vi.advanceTimersByTime(1_000)
  expect(seen).toEqual({ questions: 3, givenUp: 1 })
})

it('who answers now and then is asked on', () => {
  vi.useFakeTimers()
  const { watch, seen } = start((asked, question) => {
    if (question % 3 === 0) asked.answered()
  })
  vi.advanceTimersByTime(1_000)
  expect(seen).toEqual({ questions: 100, givenUp: 0 })
  watch.stop()
  vi.advanceTimersByTime(1_000)
  expect(seen.questions).toBe(100)
})

it('who asks after a long sleep gives nobody up for it', async () => {
  const { watch, seen } = start((asked) => setImmediate(() => asked.answered()))
  // Nothing of this process runs meanwhile, as if the machine had slept.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  await sleep(50)
  watch.stop()
  expect(seen.givenUp).toBe(0)
})
