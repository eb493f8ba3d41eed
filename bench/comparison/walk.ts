import type { HttpConnection, HttpResponse } from './http_connection.ts'
import type { VirtualUser } from './load.ts'

/** Requests in the order in which they go, each made from the answer to the one before; `undefined` where an answer was wrong. */
export type Walk<Result> = Generator<string, Result | undefined, HttpResponse>

/** Somebody who walks the same way again and again. */
export function walkingUser(begin: () => Walk<unknown>): VirtualUser {
  let walk = begin()
  let step = walk.next()
  return {
    next: () => step.value as string,
    take(response) {
      step = walk.next(response)
      if (!step.done) return 'under way'
      const outcome = step.value === undefined ? 'wrong' : 'finished'
      walk = begin()
      step = walk.next()
      return outcome
    },
  }
}

/** Walks once. Rejects where an answer was wrong. */
export async function walkOnce<Result>(connection: HttpConnection, walk: Walk<Result>): Promise<Result> {
  let step = walk.next()
  let response: HttpResponse | undefined
  while (!step.done) {
    response = await connection.ask(step.value)
    step = walk.next(response)
  }
  if (step.value === undefined) throw new Error(`${response?.head}\n${response?.body}`)
  return step.value
}
