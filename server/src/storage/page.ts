/** A part of a list that is ordered by time of creation, then by id. */
export interface Page {
  /** Rows at the most. */
  limit: number
  /** The last row of the page before; undefined for the first page. */
  after: PagePosition | undefined
}

/** The place of a row in its list. */
export interface PagePosition {
  created_at: Date
  id: string
}

/** The last three parameters of a list: the time and the id that a row must be greater than, and the limit. */
export function pageValues({ after, limit }: Page): [Date | '-infinity', string, number] {
  return after === undefined ? ['-infinity', '', limit] : [after.created_at, after.id, limit]
}
