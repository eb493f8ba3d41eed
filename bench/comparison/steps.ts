import type { HttpResponse } from './http_connection.ts'
import type { VirtualUser } from './load.ts'

/**
 * Work of several requests, as a generator: it yields each request and gets its answer, and returns whether all was as it should be.
 */
export type Steps = Generator<string, boolean, HttpResponse>

/** Somebody who begins the same work again and again. */
export function inSteps(begin: () => Steps): VirtualUser {
  let steps: Steps | undefined
  let request = ''
  return {
    next() {
      if (steps === undefined) {
        steps = begin()
        request = steps.next().value as string
      }
      return request
    },
    take(response) {
      const step = steps?.next(response)
      if (step?.done === false) {
        request = step.value
        return 'under way'
      }
      steps = undefined
      return step?.value === true ? 'finished' : 'wrong'
    },
  }
}
