import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Call, createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { signAccessToken, verifyAccessToken } from '../tokens/access_token.ts'

let test: TestDatabase
let api: ManagementTest
let call: Call
beforeAll(async () => {
  test = await createTestDatabase()
  api = await createManagementTest(test.database)
  call = api.asAdmin
})
afterAll(() => test.drop())

const SERVER = {
  server_url: 'https://mcp.example.com/mcp',
  server_name: 'Files',
  scopes: ['files:read', 'files:write'],
}

function create(change: object = {}) {
  return call('POST', '/servers', {
    ...SERVER,
    server_url: `https://${crypto.randomUUID()}.example/mcp`,
    ...change,
  })
}

describe('registering a server', () => {
  it('answers as the contract says', async () => {
    const { status, body } = await call('POST', '/servers', SERVER)
    expect(status).toBe(201)
    expect(body).toEqual({
      ...SERVER,
      server_id: expect.stringMatching(/^srv_[a-z2-7]{26}$/),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      updated_at: body.created_at,
      description: null,
      logo_url: null,
      identity: ['email'],
      access: 'members',
    })
    expect((await call('GET', `/servers/${body.server_id}`)).body).toEqual(body)
  })

  it('answers what was given', async () => {
    const given = {
      server_url: 'HTTPS://Given.example:443/MCP/',
      server_name: 'Größe 文件',
      scopes: [
        { name: 'read', description: 'Read it' },
        'write',
        { name: 'admin', description: 'All', default: false },
      ],
      description: 'Two\nlines',
      logo_url: 'https://given.example/logo.svg',
      identity: [],
      access: { emails: ['ada@example.com'], domains: ['example.org'] },
    }
    expect((await create(given)).body).toMatchObject(given)
    expect((await create({ access: 'everyone' })).body.access).toBe('everyone')
    const listed = { emails: ['Ada@Example.com', 'ada@example.com'], domains: ['EXAMPLE.org'] }
    expect((await create({ access: listed })).body.access).toEqual({
      emails: ['ada@example.com'],
      domains: ['example.org'],
    })
  })

  it.each(['organization_id', 'id', 'server_id', 'created_at'])('chooses %s itself', async (member) => {
    const { status, body } = await create({ [member]: 'org_other' })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toMatch(new RegExp(`^${member}: is no member here; `))
  })

  it.each(['https://mcp.example.com/mcp', 'https://MCP.example.com/mcp/', 'https://mcp.example.com//mcp'])(
    'refuses an address that is taken, however it is spelled: %s',
    async (server_url) => {
      const { status, body } = await create({ server_url })
      expect([status, body.error]).toEqual([409, 'conflict'])
    },
  )

  it.each([
    ['server_url', undefined, /^server_url is missing/],
    ['server_url', 7, /^server_url/],
    ['server_url', 'http://mcp.example.com', /loopback/],
    ['server_url', 'https://a.example/#x', /fragment/],
    ['server_url', 'https://user:pw@a.example/', /user name/],
    ['server_url', 'javascript:alert(1)', /https/],
    ['server_url', 'https://as.example', /itself/],
    ['server_url', 'https://AS.example:443/api/', /itself/],
    ['server_name', undefined, /^server_name is missing/],
    ['server_name', '  ', /^server_name/],
    ['server_name', 'two\nlines', /^server_name/],
    ['server_name', 'x'.repeat(121), /^server_name/],
    ['scopes', undefined, /^scopes is missing/],
    ['scopes', 'files:read', /^scopes/],
    ['scopes', [], /^scopes/],
    ['scopes', ['two words'], /^scopes\.0.*RFC 6749/],
    ['scopes', ['a', { name: 'b"c' }], /^scopes\.1\.name.*RFC 6749/],
    ['scopes', ['a', { description: 'b' }], /^scopes\.1\.name is missing/],
    ['scopes', [7], /^scopes\.0.*name/],
    ['scopes', ['openid'], /authorization server itself/],
    ['scopes', [{ name: 'manage' }], /authorization server itself/],
    ['scopes', ['a', { name: 'a' }], /once/],
    ['logo_url', 'javascript:alert(1)', /^logo_url.*https/],
    ['logo_url', 'http://a.example/logo.png', /^logo_url.*https/],
    ['identity', ['phone'], /^identity/],
    ['access', 'nobody', /^access.*members/],
    ['access', {}, /^access.*list/],
    ['access', { emails: ['not an address'] }, /^access\.emails\.0/],
    ['access', { domains: ['@example.com'] }, /^access\.domains\.0.*domain/],
  ])('refuses %s %j by name', async (field, value, sentence) => {
    const { status, body } = await create({ [field]: value })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toMatch(sentence)
  })
})

describe('a body', () => {
  it.each([
    ['no JSON', '{"server_url":', {}, 400],
    ['no object', '[]', {}, 400],
    ['null', 'null', {}, 400],
    ['a form', 'a=1', { 'Content-Type': 'application/x-www-form-urlencoded' }, 400],
    ['with a NUL', '{"server_name":"\\u0000"}', {}, 400],
    ['over 64 KiB', JSON.stringify({ ...SERVER, description: 'x'.repeat(65_536) }), {}, 413],
  ])('of %s is refused', async (_, body, headers, status) => {
    const answer = await call('POST', '/servers', body, headers)
    expect(answer.status).toBe(status)
    expect(answer.body.error).toBe(status === 413 ? 'request_too_large' : 'invalid_request')
  })
})

describe('changing a server', () => {
  it('changes what is given and leaves the rest', async () => {
    const { body: before } = await create({ description: 'Before', logo_url: 'https://a.example/l.png' })
    const path = `/servers/${before.server_id}`
    const { status, body } = await call('PATCH', path, {
      server_name: 'New',
      description: null,
      scopes: ['only'],
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      ...before,
      server_name: 'New',
      description: null,
      scopes: ['only'],
      updated_at: body.updated_at,
    })
    expect((await call('GET', path)).body).toEqual(body)
    expect((await call('PATCH', path, {})).body).toMatchObject({ server_name: 'New' })
  })

  it('refuses the address of another', async () => {
    const { body: first } = await create()
    const { body: second } = await create()
    const answer = await call('PATCH', `/servers/${second.server_id}`, { server_url: `${first.server_url}/` })
    expect([answer.status, answer.body.error]).toEqual([409, 'conflict'])
    const ours = await call('PATCH', `/servers/${second.server_id}`, { server_url: 'https://as.example/api' })
    expect([ours.status, ours.body.error]).toEqual([400, 'invalid_request'])
    expect((await call('GET', `/servers/${second.server_id}`)).body).toEqual(second)
  })

  it('to another address ends the tokens for the old one', async () => {
    const { body: server } = await create()
    const token = await tokenFor(server.server_url)
    await call('PATCH', `/servers/${server.server_id}`, { server_name: 'Renamed' })
    await expect(verifyAccessToken(api.context, token)).resolves.toBeDefined()
    await call('PATCH', `/servers/${server.server_id}`, { server_url: `${server.server_url}/v2` })
    await expect(verifyAccessToken(api.context, token)).rejects.toThrow('revoked')
  })
})

describe('removing a server', () => {
  it('ends its tokens, and its address is free', async () => {
    const { body: server } = await create()
    const token = await tokenFor(server.server_url)
    expect((await call('DELETE', `/servers/${server.server_id}`)).status).toBe(204)
    await expect(verifyAccessToken(api.context, token)).rejects.toThrow('revoked')
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await call(method, `/servers/${server.server_id}`)).status).toBe(404)
    }
    expect((await call('PATCH', `/servers/${server.server_id}`, { server_name: 'x' })).status).toBe(404)
    expect((await create({ server_url: server.server_url })).status).toBe(201)
  })
})

describe('listing servers', () => {
  it('goes through all of them page by page', async () => {
    const seen: string[] = []
    let query = '?limit=3'
    for (let pages = 0; pages < 100; pages++) {
      const { status, body } = await call('GET', `/servers${query}`)
      expect(status).toBe(200)
      expect(body.servers.length).toBeLessThanOrEqual(3)
      seen.push(...body.servers.map((server: { server_id: string }) => server.server_id))
      if (body.next_cursor === undefined) break
      query = `?limit=3&cursor=${body.next_cursor}`
    }
    const all = (await call('GET', '/servers?limit=100')).body.servers
    expect(all.length).toBeGreaterThan(6)
    expect(seen).toEqual(all.map((server: { server_id: string }) => server.server_id))
  })

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1.5',
    'limit=1&limit=2',
    'cursor=',
    'cursor=abc',
    'cursor=WzEsMl0',
  ])('refuses ?%s', async (query) => {
    const { status, body } = await call('GET', `/servers?${query}`)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

it.each(['srv_none', 'srv_%00', 'none', "srv_'", '%2e%2e'])('knows no server %s', async (id) => {
  const { status, body } = await call('GET', `/servers/${id}`)
  expect([status, body.error]).toEqual([404, 'not_found'])
})

it('leaves a record of every change', async () => {
  const { rows } = await audit()
  expect(rows.map((row) => row.type)).toEqual(
    expect.arrayContaining(['server.created', 'server.changed', 'server.removed']),
  )
  expect(rows[0]).toMatchObject({ organization_id: 'org_root', detail: { via: 'admin_token' } })
})

async function audit() {
  const rows = await test.database.query<{ type: string; organization_id: string; detail: object }>({
    name: 'test_audit',
    text: `select type, organization_id, detail from auth_agent.audit_events where type like 'server.%' order by id`,
  })
  return { rows }
}

function tokenFor(resource: string): Promise<string> {
  return signAccessToken(api.context, { sub: 'usr_ada', clientId: 'cli_a', resource, scopes: ['read'] })
}
