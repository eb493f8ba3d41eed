import { Unavailable } from '../unavailable.ts'

/** A named SQL text with bound parameters (`$1`…) and the shape of a row that it returns. */
export interface Statement<Row> {
  readonly name: string
  readonly text: string
  /** Carries the row's type; never set. */
  readonly row?: Row
}

/** Declares a statement. The name is that of its prepared form, so it is unique in the program. */
export function statement<Row = never>(name: string, text: string): Statement<Row> {
  return { name, text }
}

/** A row as it is passed on: nobody changes it, its lists neither. */
export type ReadonlyRow<Row> = {
  readonly [Column in keyof Row]: Row[Column] extends (infer Item)[] ? readonly Item[] : Row[Column]
}

/** What can run statements: the pool, or one transaction. */
export interface Queryable {
  /** Runs one statement and returns its rows. Rejects with a {@link DatabaseUnavailable} when it cannot be asked. */
  query<Row>(statement: Statement<Row>, values?: readonly unknown[]): Promise<Row[]>
  /** Runs a script of several statements without parameters; for migrations only. */
  runScript(sql: string): Promise<void>
}

/** The connections of a database that are open, those of them that nobody uses, and who waits for one. */
export interface Connections {
  open: number
  idle: number
  waiting: number
}

/** A PostgreSQL database. */
export interface Database extends Queryable {
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>
  /** Ends every connection. */
  close(): Promise<void>
  /** How its connections stand now, where it counts them. */
  connections?(): Connections
}

/** The database did not answer: a request that needs it gets 503 and may be tried again. */
export class DatabaseUnavailable extends Unavailable {
  constructor(options?: ErrorOptions) {
    super('The database cannot be reached.', options)
    this.name = 'DatabaseUnavailable'
  }
}
