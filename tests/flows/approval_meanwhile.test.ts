import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Queryable, statement } from '../../server/src/storage/database.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  type RegisteredServer,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { registerClientByApi } from '../support/registered_client.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { untilOneWaits } from '../support/waiting.ts'

const REDIRECT = 'https://app.example.com/callback'
const MOVED = 'https://moved.example.com/mcp'

/** Somebody else is first, and has not committed yet, when a person's approval is recorded. */
describe('what somebody changes while an approval is recorded', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let browser: Browser

  beforeEach(async () => {
    await server?.close()
    server = await createTestServer()
    mcp = await registerServer(server)
    browser = createBrowser(server)
    await signIn(browser, await browser.open('/sign-in'))
  })
  afterAll(() => server.close())

  const url = (clientId: string, more = {}) =>
    authorizeUrl(clientId, createPkce(), { redirect_uri: REDIRECT, ...more })
  let count = 0
  const run = (db: Queryable, text: string, values: unknown[] = []) =>
    db.query(statement(`test_change_${count++}`, text), values)

  const move = async (db: Queryable) => {
    await run(db, 'select from auth_agent.mcp_servers where id = $1 for update', [mcp.server_id])
    await run(db, 'update auth_agent.mcp_servers set server_url = $2, canonical_url = $2 where id = $1', [
      mcp.server_id,
      MOVED,
    ])
  }
  const forget = (db: Queryable) =>
    run(db, 'delete from auth_agent.user_authorizations where server_id = $1', [mcp.server_id])

  /** Has `approve` wait for `change`, which commits after all else that it does is done. */
  async function meanwhile<Answer>(
    change: (db: Queryable) => Promise<unknown>,
    approve: () => Promise<Answer>,
    then: (db: Queryable) => Promise<unknown> = async () => {},
  ): Promise<Answer> {
    const { database } = server.database
    let answering: Promise<Answer> | undefined
    await database.transaction(async (tx) => {
      await change(tx)
      answering = approve()
      await untilOneWaits(database)
      await then(tx)
    })
    return answering as Promise<Answer>
  }

  it('a server that has moved is not approved at an address that nobody was shown', async () => {
    const clientId = await registerClient(server, { redirect_uris: [REDIRECT] })
    const page = await browser.open(url(clientId))
    const answer = await meanwhile(
      move,
      () => browser.submit(page, { decision: 'approve' }, '/consent'),
      forget,
    )
    expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    expect((await browser.open(url(clientId, { resource: MOVED }))).form('/consent')).toBeDefined()
  })

  it('nor is it silently, where it was approved before', async () => {
    const clientId = await registerClient(server, { redirect_uris: [REDIRECT] })
    await authorize(server, url(clientId), { browser })
    expect((await browser.open(url(clientId))).leftTo?.searchParams.has('code')).toBe(true)
    const page = await meanwhile(move, () => browser.open(url(clientId)), forget)
    expect(page.leftTo).toBeUndefined()
    expect((await browser.submit(page, { decision: 'approve' }, '/consent')).status).toBe(400)
  })

  it('a server that is removed is refused, in words', async () => {
    const clientId = await registerClient(server, { redirect_uris: [REDIRECT] })
    const page = await browser.open(url(clientId))
    const answer = await meanwhile(
      (db) => run(db, 'delete from auth_agent.mcp_servers where id = $1', [mcp.server_id]),
      () => browser.submit(page, { decision: 'approve' }, '/consent'),
    )
    expect([answer.status, answer.text()]).toEqual([400, expect.stringContaining('connect again')])
  })

  it('a registered client that is removed is refused, in words', async () => {
    const { client_id } = await registerClientByApi(server, {
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
    })
    const page = await browser.open(url(client_id))
    const answer = await meanwhile(
      (db) => run(db, 'delete from auth_agent.clients where client_id = $1', [client_id]),
      () => browser.submit(page, { decision: 'approve' }, '/consent'),
    )
    expect([answer.status, answer.text()]).toEqual([400, expect.stringContaining('connect again')])
  })

  it.each(['approve', 'deny'])('a session that is ended answers nothing: %s', async (decision) => {
    const clientId = await registerClient(server, { redirect_uris: [REDIRECT] })
    const page = await browser.open(url(clientId))
    const answer = await meanwhile(
      (db) => run(db, 'delete from auth_agent.sessions'),
      () => browser.submit(page, { decision }, '/consent'),
    )
    expect([answer.status, answer.leftTo]).toEqual([400, undefined])
  })
})
