/** What became of the requests of one kind. */
interface Kind {
  sent: number
  ok: number
  /** Refused as it should be: 4xx. */
  refused: number
  /** 503 with Retry-After. */
  unavailable: number
  /** The connection ended without an answer, at a node that was killed. */
  cut: number
}

/** An answer that nobody may get, or a promise that was broken, with what tells what happened. */
export interface Problem {
  what: string
  detail: Record<string, unknown>
}

/** Counts what happens, and keeps what must not. */
export class Figures {
  readonly kinds = new Map<string, Kind>()
  readonly problems: Problem[] = []
  /** 503s at a time when nothing was away. */
  unexplained = 0
  /** How late revoked tokens were still called active, in milliseconds, while the database was there. */
  late: number[] = []

  count(kind: string, outcome: Exclude<keyof Kind, 'sent'>): void {
    const counted = this.kinds.get(kind) ?? { sent: 0, ok: 0, refused: 0, unavailable: 0, cut: 0 }
    counted.sent += 1
    counted[outcome] += 1
    this.kinds.set(kind, counted)
  }

  report(what: string, detail: Record<string, unknown>): void {
    this.problems.push({ what, detail })
  }

  get sent(): number {
    return [...this.kinds.values()].reduce((sum, { sent }) => sum + sent, 0)
  }

  /** A table to be read by people. */
  describe(): string {
    const rows = [...this.kinds]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([kind, { sent, ok, refused, unavailable, cut }]) => [kind, sent, ok, refused, unavailable, cut])
    const sums = [1, 2, 3, 4, 5].map((column) => rows.reduce((sum, row) => sum + Number(row[column]), 0))
    const table = [['request', 'sent', 'ok', '4xx', '503', 'cut'], ...rows, ['all', ...sums]]
    return table
      .map(
        ([kind, ...counts]) =>
          String(kind).padEnd(28) + counts.map((one) => String(one).padStart(8)).join(''),
      )
      .join('\n')
  }
}
