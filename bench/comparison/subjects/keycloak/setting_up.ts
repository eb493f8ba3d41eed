import { openConnection } from '../../http_connection.ts'
import { type Walk, walkOnce } from '../../walk.ts'

/** How many at once, before anything is measured. */
const CONNECTIONS = 32

/** Walks each of these ways once, and keeps their order. Rejects where an answer was wrong. */
export async function walkAll<Result>(port: number, walks: readonly Walk<Result>[]): Promise<Result[]> {
  const results: Result[] = []
  const waiting = walks.entries()
  const workers = Array.from({ length: Math.min(CONNECTIONS, walks.length) }, async () => {
    const connection = await openConnection(port)
    try {
      for (const [index, walk] of waiting) results[index] = await walkOnce(connection, walk)
    } finally {
      connection.close()
    }
  })
  await Promise.all(workers)
  return results
}

/** An access token; the answer to this request. */
export function* issueToken(request: string): Walk<string> {
  const { body } = yield request
  return /"access_token":"([^"]+)"/.exec(body)?.[1]
}

/** Makes of a token one that is good no more. */
export function* revoke(request: string): Walk<true> {
  const { status } = yield request
  return status === 200 ? true : undefined
}
