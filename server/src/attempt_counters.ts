import { Unavailable } from './unavailable.ts'

/** So many attempts are allowed in a window of time, which begins with the first of them. */
export interface Budget {
  /** A digest of what is counted. */
  key: Buffer
  limit: number
  windowMs: number
}

/** Where attempts are counted that strangers may make. All nodes of a server count in the same place. */
export interface AttemptCounters {
  /**
   * Counts an attempt against all of the budgets, or, where one of them is used up, against none: a refused attempt writes
   * nothing, whoever makes it, and however often.
   *
   * @returns undefined where the attempt may be made; otherwise after how many milliseconds it may
   */
  count(budgets: readonly Budget[]): Promise<number | undefined>
  /** Gives an attempt back that turned out to be no guess. */
  forgive(keys: readonly Buffer[]): Promise<void>
  /** Resolves if they can be asked. Absent where they are the database, which is asked as such. */
  check?(): Promise<void>
}

/** Attempts are counted apart from the database, and that place did not answer: an attempt that is not counted is not made. */
export class AttemptCountersUnavailable extends Unavailable {
  constructor(options?: ErrorOptions) {
    super('Attempts cannot be counted right now, and so are refused; a passkey still works.', options)
    this.name = 'AttemptCountersUnavailable'
  }
}
