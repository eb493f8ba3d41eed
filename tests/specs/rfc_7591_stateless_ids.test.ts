import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, REDIRECT_URI, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { postForm, postJson, WEB_REDIRECT_URI } from './requests.ts'

describe('RFC 7591 as decisions.md has it, stateless client ids', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())
  const register = (metadata: unknown) => postJson(server, '/register', metadata)
  const PUBLIC = { client_name: 'Same', redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' }

  /** Rows in all tables of the server's schema together, and in `clients` alone. */
  async function countRows(): Promise<{ all: number; clients: number }> {
    const database = new pg.Client({ connectionString: server.database.url })
    await database.connect()
    try {
      const tables = await database.query<{ schema: string; name: string }>(
        `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
      )
      let all = 0
      let clients = 0
      for (const { schema, name } of tables.rows) {
        const { rows } = await database.query<{ count: number }>(
          `select count(*)::int as count from "${schema}"."${name}"`,
        )
        all += rows[0]?.count ?? 0
        if (name === 'clients') clients += rows[0]?.count ?? 0
      }
      return { all, clients }
    } finally {
      await database.end()
    }
  }

  it('the same public client registering 42 times is the same client, and writes nothing', async () => {
    const before = await countRows()
    const ids = new Set<unknown>()
    for (let time = 0; time < 42; time++) ids.add((await register(PUBLIC)).body['client_id'])
    expect(ids.size).toBe(1)
    expect(await countRows()).toEqual(before)
  })

  it('the order of members and their defaults do not matter', async () => {
    const first = await register(PUBLIC)
    const second = await register({
      token_endpoint_auth_method: 'none',
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [REDIRECT_URI],
      client_name: 'Same',
      unknown: 'member',
    })
    expect(second.body['client_id']).toBe(first.body['client_id'])
  })

  it('another name or redirect is another client', async () => {
    const ids = [
      (await register(PUBLIC)).body['client_id'],
      (await register({ ...PUBLIC, client_name: 'Other' })).body['client_id'],
      (await register({ ...PUBLIC, redirect_uris: [`${REDIRECT_URI}/x`] })).body['client_id'],
    ]
    expect(new Set(ids).size).toBe(3)
  })

  it('confidential clients get an id and a secret of their own each time, and write nothing', async () => {
    const before = await countRows()
    const metadata = { client_name: 'Web', redirect_uris: [WEB_REDIRECT_URI] }
    const first = await register(metadata)
    const second = await register(metadata)
    expect(second.body['client_id']).not.toBe(first.body['client_id'])
    expect(second.body['client_secret']).not.toBe(first.body['client_secret'])
    expect(await countRows()).toEqual(before)
  })

  it('a row in clients appears when a person first grants something, and only one', async () => {
    const { body } = await register({ ...PUBLIC, client_name: 'Granted' })
    const clientId = String(body['client_id'])
    const before = (await countRows()).clients
    await createBrowser(server).open(authorizeUrl(clientId, createPkce()))
    expect((await countRows()).clients).toBe(before)
    await grant(server, { clientId })
    expect((await countRows()).clients).toBe(before + 1)
    await grant(server, { clientId })
    expect((await countRows()).clients).toBe(before + 1)
  })

  it('§3.2.2 what does not fit into an id of 1 KiB is refused with a reason', async () => {
    const redirect_uris = Array.from(
      { length: 60 },
      (_, index) => `https://client.example.com/callback/${index}`,
    )
    const { status, body } = await register({ ...PUBLIC, redirect_uris })
    expect(status).toBe(400)
    expect(['invalid_client_metadata', 'invalid_redirect_uri']).toContain(body['error'])
    expect(body['error_description']).toMatch(/long|large|big|KiB|1024|1,024/i)
  })

  it('no id is longer than 1 KiB', async () => {
    for (let count = 1; count < 40; count++) {
      const redirect_uris = Array.from(
        { length: count },
        (_, index) => `https://c.example.com/callback/${index}`,
      )
      const { body } = await register({ ...PUBLIC, redirect_uris })
      expect(String(body['client_id'] ?? '').length).toBeLessThanOrEqual(1024)
    }
  })

  it('an ordinary desktop client fits: name, URIs and five redirects', async () => {
    const { status } = await register({
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'https://vscode.dev/redirect',
        'http://localhost/',
        'http://127.0.0.1/',
        'http://localhost:33418/',
        'http://127.0.0.1:33418/',
      ],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    })
    expect(status).toBe(201)
  })

  it('an id whose sealed metadata was changed is unknown', async () => {
    const { body } = await register(PUBLIC)
    const id = String(body['client_id'])
    for (const position of [8, Math.floor(id.length / 2), id.length - 2]) {
      const letter = id[position] === 'A' ? 'B' : 'A'
      const client_id = id.slice(0, position) + letter + id.slice(position + 1)
      const request = { grant_type: 'refresh_token', client_id, refresh_token: 'x' }
      const answer = await postForm(server, '/token', request)
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    }
  })

  it('an id of this server means nothing to another', async () => {
    const elsewhere = await createTestServer()
    const { body } = await register(PUBLIC)
    const page = await createBrowser(elsewhere).open(authorizeUrl(String(body['client_id']), createPkce()))
    await elsewhere.close()
    expect(page.leftTo).toBeUndefined()
    expect(page.status).toBeGreaterThanOrEqual(400)
  })

  it('another node of the same deployment knows the id', async () => {
    const { body } = await register(PUBLIC)
    const node = await server.addNode()
    const page = await createBrowser(node).open(authorizeUrl(String(body['client_id']), createPkce()))
    expect(page.status).toBe(200)
  })

  it('the secret of one confidential client is not that of another', async () => {
    const metadata = { redirect_uris: [WEB_REDIRECT_URI], token_endpoint_auth_method: 'client_secret_post' }
    const [first, second] = [await register(metadata), await register(metadata)]
    const request = { grant_type: 'refresh_token', refresh_token: 'rt_a.1.b' }
    const { client_id } = first.body as { client_id: string }
    const { client_secret } = second.body as { client_secret: string }
    expect((await postForm(server, '/token', { ...request, client_id, client_secret })).status).toBe(401)
    const own = String(first.body['client_secret'])
    const answer = await postForm(server, '/token', { ...request, client_id, client_secret: own })
    expect(answer.body['error']).toBe('invalid_grant')
  })
})
