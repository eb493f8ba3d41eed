import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientStorage } from '../../server/src/storage/clients.ts'
import { type Queryable, statement } from '../../server/src/storage/database.ts'
import { tokenStorage } from '../../server/src/storage/tokens.ts'
import { grant, refresh, registerServer } from '../support/flow.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const DAY = 86_400
const UPDATES = statement<{ updated: string; in_place: string }>(
  'test_updates',
  `select pg_stat_get_xact_tuples_updated(t) as updated, pg_stat_get_xact_tuples_hot_updated(t) as in_place
   from to_regclass('auth_agent.tokens') t`,
)
const FAMILY = statement<{ family: string; client_digest: Buffer }>(
  'test_family',
  'select family, client_digest from auth_agent.tokens',
)

describe('the row of a client that many use', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
  })
  afterAll(() => test.drop())

  const store = (db: Queryable, client_name: string) =>
    clientStorage(db).storeClient(
      {
        digest: Buffer.alloc(32),
        client_id: 'https://app.example.com/client.json',
        organization_id: 'org_root',
        source: 'metadata_document',
        metadata: { client_name, redirect_uris: ['https://app.example.com/callback'] },
        secret_digest: null,
      },
      new Date(),
    )
  const NAMES = statement<{ name: string }>(
    'test_client_names',
    `select metadata ->> 'client_name' as name from auth_agent.clients`,
  )

  it('is not held by those who approve it, so that none waits for another', async () => {
    await store(test.database, 'App')
    await test.database.transaction(async (tx) => {
      await store(tx, 'App')
      await store(test.database, 'App')
    })
  })

  it('is brought up to date where its document has changed', async () => {
    await store(test.database, 'App, renamed')
    expect(await test.database.query(NAMES)).toEqual([{ name: 'App, renamed' }])
  })
})

describe('the row of a grant', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  it('stays on its page when it is refreshed, and no index is changed', async () => {
    const { tokens } = await grant(server)
    const { database } = server.database
    const [row] = await database.query(FAMILY)
    expect(tokens.refresh_token).toContain(row?.family)
    server.clock.advance(600)
    await database.transaction(async (tx) => {
      const presented = await tokenStorage(tx).presentRefreshToken(
        {
          family: row?.family ?? '',
          generation: 0,
          client_digest: row?.client_digest ?? Buffer.alloc(0),
          presented_from: null,
          resource: null,
          scopes: null,
        },
        { raceWindow: 60, maxRacedRun: 5, refreshTokenTtl: 30 * DAY, accessTokenTtl: 3_600 },
        new Date(server.clock.now),
      )
      expect(presented?.outcome).toBe('rotated')
      expect(await tx.query(UPDATES)).toEqual([{ updated: '1', in_place: '1' }])
    })
  })

  it('outlives the day at which it would have expired, had it not been refreshed', async () => {
    const used = await grant(server)
    const unused = await grant(server)
    server.clock.advance(29 * DAY)
    const { body } = await refresh(server, used, used.tokens.refresh_token)
    server.clock.advance(29 * DAY)
    await server.server.maintain()
    expect((await refresh(server, unused, unused.tokens.refresh_token)).status).toBe(400)
    expect((await refresh(server, used, body.refresh_token)).status).toBe(200)
    expect(await server.database.database.query(FAMILY)).toHaveLength(1)

    server.clock.advance(38 * DAY)
    await server.server.maintain()
    expect(await server.database.database.query(FAMILY)).toHaveLength(0)
  })
})
