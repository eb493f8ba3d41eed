import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import { type Call, createManagementTest } from '../support/management.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/** An organisation, its owner's session, and the ids of one row of each kind. */
interface Inhabited {
  organizationId: string
  asOwner: Call
  ids: Record<string, string>
}

interface Operation {
  method: string
  path: string
  hasBody: boolean
}

const ORGANIZATIONS = statement<{ table_name: string }>(
  'test_tables_of_organizations',
  `select table_name::text from information_schema.columns
   where table_schema = 'auth_agent' and column_name = 'organization_id' and table_name <> 'audit_events'
   order by table_name`,
)

/** What each operation with a body is sent; an operation that is missing here fails the walk. */
const BODIES: Record<string, unknown> = {
  'post /servers': { server_url: 'https://walk.example', server_name: 'Walk', scopes: ['walk'] },
  'patch /servers/{server_id}': { server_name: 'Taken over', access: 'everyone' },
  'post /servers/{server_id}/keys': { name: 'walk' },
  'post /clients': { client_name: 'Walk', redirect_uris: ['https://walk.example/callback'] },
  'patch /clients/{client_id}': { client_name: 'Taken over' },
  'post /invitations': { email: 'walk@example.com' },
  'patch /members/{user_id}': { role: 'admin' },
  'patch /organization': { name: 'Walked' },
}

let test: TestDatabase
let first: Inhabited
let second: Inhabited
let operations: Operation[]

beforeAll(async () => {
  test = await createTestDatabase()
  const api = await createManagementTest(test.database)
  await test.database.runScript(`
    insert into auth_agent.organizations (id, name) values ('org_first', 'First'), ('org_second', 'Second');`)
  first = await inhabit('first', api.asUser)
  second = await inhabit('second', api.asUser)
  operations = await readOperations(api.call)
})
afterAll(() => test.drop())

describe('two organisations', () => {
  it('are walked through every path that the API describes', () => {
    expect(operations.length).toBeGreaterThan(20)
    for (const operation of operations) {
      if (operation.hasBody) expect(BODIES).toHaveProperty([nameOf(operation)])
    }
  })

  it("neither finds nor changes the other's rows by their ids", async () => {
    for (const [mine, theirs] of [
      [first, second],
      [second, first],
    ] as const) {
      const before = await snapshot(theirs.organizationId)
      for (const operation of operations.filter(({ path }) => path.includes('{'))) {
        for (const path of foreignPaths(operation.path, mine, theirs)) {
          const { status, body } = await call(mine, operation, path)
          expect([operation.method, path, status, body.error]).toEqual([
            operation.method,
            path,
            404,
            'not_found',
          ])
        }
      }
      expect(await snapshot(theirs.organizationId)).toEqual(before)
    }
  })

  it("neither sees the other's rows in its own, nor changes them with its own", async () => {
    for (const [mine, theirs] of [
      [first, second],
      [second, first],
    ] as const) {
      const before = await snapshot(theirs.organizationId)
      for (const operation of operations.toSorted(removalsLast)) {
        const path = fill(operation.path, mine.ids)
        const { status, body } = await call(mine, operation, path)
        expect([operation.method, path, status < 300 || status === 409]).toEqual([
          operation.method,
          path,
          true,
        ])
        for (const id of [theirs.organizationId, ...Object.values(theirs.ids)]) {
          expect(JSON.stringify(body ?? '')).not.toContain(id)
        }
      }
      expect(await snapshot(theirs.organizationId)).toEqual(before)
    }
  })

  it("neither gives a client scopes of the other's server", async () => {
    const api = await createManagementTest(test.database)
    const [a, b] = [await inhabit('first', api.asUser, 2), await inhabit('second', api.asUser, 2)]
    const servers = [{ server_id: b.ids['server_id'], scopes: ['read'] }]
    const robot = { grant_types: ['client_credentials'], servers }
    const created = await a.asOwner('POST', '/clients', robot)
    const changed = await a.asOwner('PATCH', `/clients/${a.ids['client_id']}`, robot)
    for (const { status, body } of [created, changed]) {
      expect([status, body.error_description]).toEqual([
        400,
        expect.stringContaining('there is no MCP server'),
      ])
    }
  })

  it('are told nothing more of a foreign id than of one that does not exist', async () => {
    const foreign = await second.asOwner('GET', `/servers/${first.ids['server_id']}`)
    const missing = await second.asOwner('GET', '/servers/srv_aaaaaaaaaaaaaaaaaaaaaaaaaa')
    expect([foreign.status, foreign.body]).toEqual([missing.status, missing.body])
  })
})

/** Signs an owner of the organisation in, and lets him make one thing of each kind. */
async function inhabit(
  name: string,
  asUser: (userId: string) => Promise<Call>,
  round = 1,
): Promise<Inhabited> {
  const [organizationId, owner, member] = [`org_${name}`, `usr_owner_${name}`, `usr_${name}_${round}`]
  await test.database.runScript(`
    insert into auth_agent.users (id, email, email_verified_at, email_verified_by) values
      ('${owner}', 'owner@${name}.example', now(), 'operator'),
      ('${member}', '${member}@${name}.example', now(), 'mail') on conflict do nothing;
    insert into auth_agent.memberships (organization_id, user_id, role) values
      ('${organizationId}', '${owner}', 'owner'), ('${organizationId}', '${member}', 'member') on conflict do nothing;`)
  const asOwner = await asUser(owner)
  const make = async (path: string, body: unknown) => (await asOwner('POST', path, body)).body
  const url = `https://${name}${round}.example`
  const { server_id } = await make('/servers', { server_url: url, server_name: name, scopes: ['read'] })
  const { key_id } = await make(`/servers/${server_id}/keys`, { name })
  const { client_id } = await make('/clients', { client_name: name, redirect_uris: [`${url}/callback`] })
  const { invitation_id } = await make('/invitations', { email: `guest${round}@${name}.example` })
  return { organizationId, asOwner, ids: { server_id, key_id, client_id, invitation_id, user_id: member } }
}

async function readOperations(callApi: Call): Promise<Operation[]> {
  const { body } = await callApi('GET', '/openapi.json')
  const paths = body.paths as Record<string, Record<string, { requestBody?: object }>>
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { requestBody }]) => ({
      method,
      path,
      hasBody: requestBody !== undefined,
    })),
  )
}

function call({ asOwner }: Inhabited, operation: Operation, path: string) {
  return asOwner(operation.method.toUpperCase(), path, BODIES[nameOf(operation)])
}

function nameOf({ method, path }: Operation): string {
  return `${method} ${path}`
}

function removalsLast(a: Operation, b: Operation): number {
  const weight = ({ method, path }: Operation) => (method === 'delete' ? 100 - path.length : 0)
  return weight(a) === weight(b) ? 0 : weight(a) - weight(b)
}

/** The path with each of its ids foreign in turn, and with all of them foreign. */
function foreignPaths(path: string, mine: Inhabited, theirs: Inhabited): string[] {
  const names = [...path.matchAll(/\{(.*?)\}/g)].map(([, name]) => name as string)
  const oneForeign = names.map((name) => fill(path, { ...mine.ids, [name]: theirs.ids[name] as string }))
  return [...new Set([...oneForeign, fill(path, theirs.ids)])]
}

function fill(path: string, ids: Record<string, string>): string {
  return path.replace(/\{(.*?)\}/g, (_, name: string) => {
    expect(ids).toHaveProperty(name)
    return ids[name] as string
  })
}

/** Every row of an organisation, but for the record of what happened. */
async function snapshot(organizationId: string): Promise<Record<string, unknown[]>> {
  const tables = await test.database.query(ORGANIZATIONS)
  const names = [...tables.map((table) => table.table_name)]
  expect(names).toContain('mcp_servers')
  const entries = await Promise.all(
    names.map(async (name) => {
      const rows = await test.database.query(
        statement<{ row: string }>(
          `test_snapshot_${name}`,
          `select row_to_json(t)::text as row from auth_agent.${name} t where organization_id = $1 order by 1`,
        ),
        [organizationId],
      )
      return [name, rows.map(({ row }) => row)] as const
    }),
  )
  return Object.fromEntries(entries)
}
