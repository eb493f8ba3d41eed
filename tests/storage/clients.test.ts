import { afterAll, beforeAll, expect, it } from 'vitest'
import { createEndOfTurn } from '../../node/src/end_of_turn.ts'
import { clientDigest } from '../../server/src/clients/client.ts'
import { clientStorage } from '../../server/src/storage/clients.ts'
import { registerServer } from '../support/flow.ts'
import { registerClientByApi } from '../support/registered_client.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

it('clients that are asked for together are found each by its own id, with what it was given', async () => {
  const { server_id } = await registerServer(server)
  const given = { grant_types: ['client_credentials'], servers: [{ server_id, scopes: ['files:read'] }] }
  const first = await registerClientByApi(server, given)
  const second = await registerClientByApi(server, { grant_types: ['client_credentials'] })
  const { findRegisteredClient } = clientStorage(server.database.database, createEndOfTurn())
  const ids = [second.client_id, 'unknown', first.client_id, second.client_id]
  const found = await Promise.all(ids.map((id) => findRegisteredClient(clientDigest(id))))
  expect(found.map((row) => [row?.client_id, row?.servers.map((one) => one.server_id)])).toEqual([
    [second.client_id, []],
    [undefined, undefined],
    [first.client_id, [server_id]],
    [second.client_id, []],
  ])
})
