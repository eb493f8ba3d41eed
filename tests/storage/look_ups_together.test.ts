import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEndOfTurn } from '../../node/src/end_of_turn.ts'
import { createStorage, type Storage } from '../../server/src/storage/storage.ts'
import { createBrowser } from '../support/browser.ts'
import { countStatements } from '../support/counting_database.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  MCP_URL,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/** What the requests of one turn of the event loop look up is one statement of each kind, and each gets its own rows. */
describe('look-ups that go together', () => {
  let server: TestServer
  let rows: {
    sessions: { digest: Buffer; user_id: string }[]
    authorizations: { user_id: string; client_digest: Buffer; server_id: string | null; id: string }[]
    codes: { digest: Buffer; grant_id: string }[]
  }
  const now = () => new Date(server.clock.now)

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    for (const parameters of [{}, { resource: undefined, scope: 'openid' }]) {
      const browser = createBrowser(server)
      await signIn(browser, await browser.open('/sign-in'))
      const clientId = await registerClient(server, { client_name: JSON.stringify(parameters) })
      await authorize(server, authorizeUrl(clientId, createPkce(), parameters), { browser })
    }
    const read = async <Row>(table: string, columns: string) =>
      server.database.database.query<Row>({ name: table, text: `select ${columns} from auth_agent.${table}` })
    rows = {
      sessions: await read('sessions', 'digest, user_id'),
      authorizations: await read('user_authorizations', 'id, user_id, client_digest, server_id'),
      codes: await read('auth_codes', 'digest, grant_id'),
    }
    expect([rows.sessions.length, rows.authorizations.length, rows.codes.length]).toEqual([2, 2, 2])
  })
  afterAll(() => server.close())

  /** What these answer together, which is what each answers alone; and how often PostgreSQL was asked for it. */
  async function together<Answer>(lookUps: ((storage: Storage) => Promise<Answer>)[]) {
    const counting = countStatements(server.database.database)
    const storage = createStorage(counting.database, createEndOfTurn())
    const answers = await Promise.all(lookUps.map((lookUp) => lookUp(storage)))
    const asked = counting.take()
    const alone = createStorage(server.database.database)
    for (const [n, lookUp] of lookUps.entries()) expect(answers[n]).toEqual(await lookUp(alone))
    return { answers, asked }
  }

  it('sessions', async () => {
    const digests = [...rows.sessions.map(({ digest }) => digest), Buffer.alloc(32)]
    const { answers, asked } = await together(
      digests.map((digest) => (storage: Storage) => storage.findSession(digest, now())),
    )
    expect(answers.map((session) => session?.digest)).toEqual([...digests.slice(0, 2), undefined])
    expect(asked).toEqual(['sessions_find'])
  })

  it('organisations', async () => {
    const ids = ['org_root', 'org_none', 'org_root', `org_"{},\\NULL`]
    const { answers, asked } = await together(
      ids.map((id) => (storage: Storage) => storage.findOrganization(id)),
    )
    expect(answers.map((organization) => organization?.id)).toEqual([
      'org_root',
      undefined,
      'org_root',
      undefined,
    ])
    expect(asked).toEqual(['organizations_find'])
  })

  it('MCP servers by their addresses', async () => {
    const urls = ['https://none.example.com/mcp', MCP_URL, 'NULL', '', '{"}']
    const { answers, asked } = await together(
      urls.map((url) => (storage: Storage) => storage.findServerByCanonicalUrl(url)),
    )
    expect(answers.map((found) => found?.canonical_url)).toEqual([
      undefined,
      MCP_URL,
      undefined,
      undefined,
      undefined,
    ])
    expect(asked).toEqual(['mcp_servers_find_by_canonical_url'])
  })

  it('who may use what', async () => {
    const server_id = rows.authorizations.find((row) => row.server_id !== null)?.server_id ?? ''
    const user_id = rows.sessions[0]?.user_id ?? ''
    const { answers, asked } = await together([
      (storage) => storage.mayUse(server_id, user_id),
      (storage) => storage.mayUse(server_id, 'usr_none'),
      (storage) => storage.mayUse('srv_none', user_id),
    ])
    expect([answers, asked]).toEqual([[true, false, false], ['mcp_servers_may_use']])
  })

  it('what was approved, at a server and at none', async () => {
    const [first, second] = rows.authorizations
    const held = rows.authorizations.map((row) => (storage: Storage) => storage.findUserAuthorizations(row))
    const crossed = rows.authorizations.map(
      (row, n) => (storage: Storage) =>
        storage.findUserAuthorizations({ ...row, server_id: [second, first][n]?.server_id ?? null }),
    )
    const { answers, asked } = await together([...held, ...crossed])
    expect(answers.map((found) => found.map(({ id }) => id))).toEqual([[first?.id], [second?.id], [], []])
    expect(asked).toEqual(['user_authorizations_find'])
  })

  it('codes', async () => {
    const digests = [Buffer.alloc(32), ...rows.codes.map(({ digest }) => digest)]
    const { answers, asked } = await together(
      digests.map((digest) => (storage: Storage) => storage.findCode(digest)),
    )
    expect(answers.map((code) => code?.grant_id)).toEqual([
      undefined,
      ...rows.codes.map((row) => row.grant_id),
    ])
    expect(asked).toEqual(['auth_codes_find'])
  })
})
