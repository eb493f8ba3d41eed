import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, DatabaseUnavailable, type Queryable } from '../../server/src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** A database that goes away before a statement of one's choice. */
interface FailingDatabase {
  database: Database
  /** How many statements may still run; the next one fails, and those after it run again. */
  left: number
}

function createFailingDatabase(database: Database): FailingDatabase {
  const failing: FailingDatabase = { database, left: Number.POSITIVE_INFINITY }
  const check = () => {
    if (failing.left-- !== 0) return
    failing.left = Number.POSITIVE_INFINITY
    throw new DatabaseUnavailable()
  }
  const counting = (db: Queryable): Queryable => ({
    async query(statement, values) {
      check()
      return db.query(statement, values)
    },
    runScript: (sql) => db.runScript(sql),
  })
  failing.database = {
    ...database,
    ...counting(database),
    transaction: (work) => database.transaction((tx) => work(counting(tx))),
  }
  return failing
}

let server: TestServer
let failing: FailingDatabase

beforeAll(async () => {
  const test = await createTestDatabase()
  failing = createFailingDatabase(test.database)
  server = await createTestServer({ database: failing.database }, { database: test })
  await registerServer(server)
})
afterAll(() => server.close())

it('a decision that meets a database that is away is 503, and counts when it is sent again', async () => {
  const browser = createBrowser(server)
  await signIn(browser, await browser.open('/sign-in'))
  const clientId = await registerClient(server)
  const statuses: number[] = []
  for (let left = 0; statuses.at(-1) !== 200; left += 1) {
    const page = await browser.open(authorizeUrl(clientId, createPkce()))
    failing.left = left
    const first = await browser.submit(page, { decision: 'approve' }, '/consent')
    failing.left = Number.POSITIVE_INFINITY
    const isThrough = first.leftTo !== undefined
    statuses.push(isThrough ? 200 : first.status)
    const answered = isThrough ? first : await browser.submit(page, { decision: 'approve' }, '/consent')
    expect(
      answered.leftTo?.searchParams.get('code'),
      `after ${left} statements: ${answered.text()}`,
    ).toBeTruthy()
    const again = await browser.submit(page, { decision: 'approve' }, '/consent')
    expect([again.status, again.leftTo]).toEqual([400, undefined])
  }
  expect(statuses.slice(0, -1)).not.toHaveLength(0)
  expect(new Set(statuses.slice(0, -1))).toEqual(new Set([503]))
})
