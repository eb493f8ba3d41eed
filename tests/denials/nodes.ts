import type { ServerContext } from '../../server/src/context.ts'
import { createContext } from '../../server/src/create_context.ts'
import { type Database, DatabaseUnavailable } from '../../server/src/storage/database.ts'
import { findActiveClaims, signAccessToken } from '../../server/src/tokens/access_token.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Clock, createClock } from '../support/server.ts'

/** Two nodes of one server. `a` revokes, `b` must learn of it. */
export interface TwoNodes {
  a: ServerContext
  b: ServerContext
  /** That of `b` alone can go away. */
  connection: { isAway: boolean }
  /** Starts another node. */
  addNode(): Promise<ServerContext>
  test: TestDatabase
  clock: Clock
}

export async function createTwoNodes(version: 15 | 18 = 18): Promise<TwoNodes> {
  const test = await createTestDatabase({ version })
  const clock = createClock()
  const connection = { isAway: false }
  const createNode = (database: Database) =>
    createContext({
      issuer: 'https://as.example',
      database,
      secrets: ['a server secret that has more than thirty-two bytes'],
      fetchPublicUrl: () => Promise.reject(new Error('Nothing is fetched here.')),
      now: () => clock.now,
    })
  const a = await createNode(test.database)
  const b = await createNode(interruptible(test.database, connection))
  return { a, b, connection, addNode: () => createNode(test.database), test, clock }
}

/** A database that cannot be reached while `isAway`. */
export function interruptible(database: Database, connection: { isAway: boolean }): Database {
  const check = async () => {
    if (connection.isAway) throw new DatabaseUnavailable()
  }
  return {
    ...database,
    query: (statement, values) => check().then(() => database.query(statement, values)),
    transaction: (work) => check().then(() => database.transaction(work)),
  }
}

export const GRANT = {
  sub: 'usr_alice',
  clientId: 'cli_editor',
  resource: 'https://mcp.example.com/mcp',
  scopes: ['files:read'],
  grantId: 'grant-1',
}

export function issue(node: ServerContext, changes: Partial<typeof GRANT> = {}): Promise<string> {
  return signAccessToken(node, { ...GRANT, ...changes })
}

export async function isActive(node: ServerContext, token: string): Promise<boolean> {
  return (await findActiveClaims(node, token)) !== undefined
}
