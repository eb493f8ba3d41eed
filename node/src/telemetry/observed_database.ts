import type { Database, Queryable } from '@auth-agent/server/storage/database'

/** Is told of each statement by its name as it begins, and then of its end; never of its values. */
export type StatementWatch = (statement: string) => (failure?: unknown) => void

/** A database whose statements are watched. */
export function observeDatabase(database: Database, watch: StatementWatch): Database {
  return {
    ...database,
    ...observeQueries(database, watch),
    transaction: (work) => database.transaction((tx) => work(observeQueries(tx, watch))),
  }
}

function observeQueries(queryable: Queryable, watch: StatementWatch): Queryable {
  return {
    async query(statement, values) {
      const end = watch(statement.name)
      try {
        const rows = await queryable.query(statement, values)
        end()
        return rows
      } catch (error) {
        end(error)
        throw error
      }
    },
    runScript: (sql) => queryable.runScript(sql),
  }
}

/** Both watches as one. */
export function watchBoth(first: StatementWatch, second: StatementWatch): StatementWatch {
  return (statement) => {
    const ends = [first(statement), second(statement)]
    return (failure) => {
      for (const end of ends) end(failure)
    }
  }
}
