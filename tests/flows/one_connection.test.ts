import { expect, it } from 'vitest'
import type { Queryable } from '../../server/src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer } from '../support/server.ts'

/** On Workers each connection is opened for its request, so two statements at once would open two (docs/decisions/0015). */
it('an authorization asks one thing of the database after the other', async () => {
  const test = await createTestDatabase()
  let underWay = 0
  let most = 0
  const watching = (db: Queryable): Queryable => ({
    async query(statement, values) {
      underWay += 1
      most = Math.max(most, underWay)
      return db.query(statement, values).finally(() => {
        underWay -= 1
      })
    },
    runScript: (sql) => db.runScript(sql),
  })
  const database = { ...test.database, ...watching(test.database) }
  const server = await createTestServer({ database }, { database: test })
  await registerServer(server)
  const browser = createBrowser(server)
  await signIn(browser, await browser.open('/sign-in'))
  const redirect_uri = 'https://app.example.com/callback'
  const clientId = await registerClient(server, { redirect_uris: [redirect_uri] })
  const url = () => authorizeUrl(clientId, createPkce(), { redirect_uri })
  most = 0
  const page = await browser.open(url())
  expect((await browser.submit(page, { decision: 'approve' }, '/consent')).leftTo).toBeDefined()
  expect((await browser.open(url())).leftTo?.searchParams.has('code')).toBe(true)
  expect(most).toBe(1)
  await server.close()
})
