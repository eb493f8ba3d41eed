import type { Database, Queryable } from '../../server/src/storage/database.ts'

/** A database that remembers the names of the statements it ran, to compare what two requests cost. */
export interface CountingDatabase {
  database: Database
  /** The names since the last call. */
  take(): string[]
}

export function countStatements(database: Database): CountingDatabase {
  let names: string[] = []
  const counting = (db: Queryable): Queryable => ({
    query(statement, values) {
      names.push(statement.name)
      return db.query(statement, values)
    },
    runScript: (sql) => db.runScript(sql),
  })
  return {
    database: {
      ...counting(database),
      transaction: (work) => database.transaction((tx) => work(counting(tx))),
      close: () => database.close(),
    },
    take() {
      const taken = names
      names = []
      return taken
    },
  }
}
