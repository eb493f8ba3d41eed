import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const MANY = 200

const FAMILIES = statement<{ generation: number; revoked_reason: string | null }>(
  'test_families_of_client',
  `select t.generation, t.revoked_reason from auth_agent.tokens t
   join auth_agent.clients c on c.digest = t.client_digest where c.client_id = $1`,
)

describe.each([15, 18] as const)('200 at once on PostgreSQL %i', (version) => {
  let server: TestServer
  let other: TestServer
  let mcp: RegisteredServer

  beforeAll(async () => {
    server = await createTestServer({}, { database: await createTestDatabase({ version }) })
    mcp = await registerServer(server)
    other = await server.addNode()
  })
  afterAll(() => server.close())

  /** Each client of its own, so that its families are found. */
  const newClient = (name: string) => registerClient(server, { client_name: name })
  const familiesOf = (clientId: string) => server.database.database.query(FAMILIES, [clientId])

  it.each(['one node', 'two nodes'])(
    'exchange one code on %s: one wins, and the replays revoke it',
    async (where) => {
      const nodes = where === 'one node' ? [server] : [server, other]
      const clientId = await newClient(`exchanges on ${where}`)
      const pkce = createPkce()
      const code = (await authorize(server, authorizeUrl(clientId, pkce))).searchParams.get('code') ?? ''
      const request = {
        grant_type: 'authorization_code',
        client_id: clientId,
        code,
        code_verifier: pkce.verifier,
      }
      const answers = await Promise.all(everyone(nodes, (node) => requestToken(node, request)))

      const [won, ...others] = answers.filter(({ status }) => status === 200)
      expect(won?.body.access_token).toBeDefined()
      expect(others).toEqual([])
      for (const { status, body } of answers) if (status !== 200) expect(body.error).toBe('invalid_grant')
      expect(await familiesOf(clientId)).toEqual([{ generation: 0, revoked_reason: 'code_replay' }])
      const { access_token = '', refresh_token = '' } = won?.body ?? {}
      server.clock.advance(1)
      for (const node of nodes)
        expect(await introspect(node, mcp.key, access_token)).toEqual({ active: false })
      expect((await refresh(server, { clientId }, refresh_token)).body.error).toBe('invalid_grant')
    },
  )

  it.each(['one node', 'two nodes'])('refresh one token on %s: all get the same successor', async (where) => {
    const nodes = where === 'one node' ? [server] : [server, other]
    const granted = await grant(server, { clientId: await newClient(`refreshes on ${where}`) })
    const answers = await Promise.all(
      everyone(nodes, (node) => refresh(node, granted, granted.tokens.refresh_token)),
    )

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const successors = [...new Set(answers.map(({ body }) => body.refresh_token))]
    expect(successors).toHaveLength(1)
    expect(successors).not.toContain(granted.tokens.refresh_token)
    expect(await familiesOf(granted.clientId)).toEqual([{ generation: 1, revoked_reason: null }])
    for (const { body } of answers.slice(0, 2))
      expect(await introspect(other, mcp.key, body.access_token)).toMatchObject({ active: true })
    const next = await refresh(other, granted, successors[0] ?? '')
    expect(next.status).toBe(200)
  })

  it('revoke one grant while it is refreshed: nothing of it works afterwards', async () => {
    const granted = await grant(server, { clientId: await newClient('revoked meanwhile') })
    const form = new URLSearchParams({ client_id: granted.clientId, token: granted.tokens.refresh_token })
    const [answers] = await Promise.all([
      Promise.all(everyone([server, other], (node) => refresh(node, granted, granted.tokens.refresh_token))),
      other.fetch('/revoke', { method: 'POST', body: form }),
    ])
    server.clock.advance(1)
    const issued = answers.filter(({ status }) => status === 200)
    for (const { body } of [...issued.slice(0, 3), ...issued.slice(-3)]) {
      for (const node of [server, other])
        expect(await introspect(node, mcp.key, body.access_token)).toEqual({ active: false })
      expect((await refresh(server, granted, body.refresh_token)).body.error).toBe('invalid_grant')
    }
  })
})

/** 200 requests at once, spread over the nodes. */
function everyone<Answer>(
  nodes: readonly TestServer[],
  ask: (node: TestServer) => Promise<Answer>,
): Promise<Answer>[] {
  return Array.from({ length: MANY }, (_, index) => ask(nodes[index % nodes.length] as TestServer))
}
