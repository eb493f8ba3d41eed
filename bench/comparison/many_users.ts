import { type HttpConnection, type HttpResponse, openConnection } from './http_connection.ts'
import type { VirtualUser } from './load.ts'

/** Somebody whose work is one request. */
export function asker(next: () => string, isRight: (response: HttpResponse) => boolean): VirtualUser {
  return { next, take: (response) => (isRight(response) ? 'finished' : 'wrong') }
}

export function repeat(count: number, make: () => VirtualUser): readonly VirtualUser[] {
  return Array.from({ length: count }, make)
}

/** Made when it is asked for the first time. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Each on a connection of its own. */
export function inParallel<T>(
  port: number,
  count: number,
  make: (connection: HttpConnection, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const connection = await openConnection(port)
      try {
        return await make(connection, index)
      } finally {
        connection.close()
      }
    }),
  )
}
