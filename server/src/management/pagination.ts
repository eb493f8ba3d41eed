import { z } from '@hono/zod-openapi'
import { OAuthError } from '../errors.ts'
import type { Page, PagePosition } from '../storage/page.ts'

const LIMIT = 'must be a whole number from 1 to 100'

/** What a list takes in its query. */
export const pageQuery = z.object({
  limit: z.coerce
    .number(LIMIT)
    .int(LIMIT)
    .min(1, LIMIT)
    .max(100, LIMIT)
    .default(50)
    .openapi({ description: 'Entries at the most.', example: 50 }),
  cursor: z.string().max(500).optional().openapi({ description: '`next_cursor` of the page before.' }),
})

/** Beside the entries of a list; absent on its last page. */
export const nextCursor = z
  .string()
  .optional()
  .openapi({ description: 'Send it as `cursor` for the next page. Absent on the last.' })

const cursorSchema = z.tuple([z.iso.datetime(), z.string().regex(/^\w{1,100}$/)])

/** The page that a query asks for, and one row more, by which it is seen whether another page follows. */
export function readPage({ limit, cursor }: z.infer<typeof pageQuery>): Page {
  return { limit: limit + 1, after: cursor === undefined ? undefined : readCursor(cursor) }
}

/** The rows of a page, and where the next begins. */
export function takePage<Row>(
  rows: readonly Row[],
  page: Page,
  positionOf: (row: Row) => PagePosition,
): { rows: readonly Row[]; next_cursor?: string } {
  const taken = rows.slice(0, page.limit - 1)
  const last = taken.at(-1)
  if (rows.length < page.limit || last === undefined) return { rows: taken }
  return { rows: taken, next_cursor: writeCursor(positionOf(last)) }
}

function writeCursor({ created_at, id }: PagePosition): string {
  return Buffer.from(JSON.stringify([created_at.toISOString(), id])).toString('base64url')
}

function readCursor(cursor: string): PagePosition {
  try {
    const [created_at, id] = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    return { created_at: new Date(created_at), id }
  } catch (cause) {
    throw new OAuthError('invalid_request', 'cursor must be the next_cursor of the page before.', { cause })
  }
}
