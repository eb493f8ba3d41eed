import { type HttpConnection, type HttpResponse, openConnection } from '../../http_connection.ts'
import { inSteps, type Steps } from '../../steps.ts'

/** How many at once, before anything is measured. */
const CONNECTIONS = 32

/** Makes these requests, and reads something from each answer; where there is nothing, it rejects. */
export async function askEach<Result>(
  port: number,
  requests: readonly string[],
  read: (response: HttpResponse) => Result | undefined,
): Promise<Result[]> {
  const results: Result[] = []
  await onConnections(port, requests, async (connection, request) => {
    const response = await connection.ask(request)
    const result = read(response)
    if (result === undefined) throw wrong(response)
    results.push(result)
  })
  return results
}

/** Takes each of these through its steps, once. */
export async function askOnce(port: number, work: readonly Steps[]): Promise<void> {
  await onConnections(port, work, async (connection, steps) => {
    const user = inSteps(() => steps)
    for (let outcome = 'under way'; outcome !== 'finished'; ) {
      const response = await connection.ask(user.next())
      outcome = user.take(response)
      if (outcome === 'wrong') throw wrong(response)
    }
  })
}

async function onConnections<Item>(
  port: number,
  items: readonly Item[],
  handle: (connection: HttpConnection, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values()
  const workers = Array.from({ length: Math.min(CONNECTIONS, items.length) }, async () => {
    const connection = await openConnection(port)
    try {
      for (const item of waiting) await handle(connection, item)
    } finally {
      connection.close()
    }
  })
  await Promise.all(workers)
}

function wrong({ head, body }: HttpResponse): Error {
  return new Error(`What comes before the measurement was answered with ${head}\n${body}`)
}
