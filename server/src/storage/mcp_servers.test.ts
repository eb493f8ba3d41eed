import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { newId } from '../random.ts'
import { type AccessMode, type McpServer, type McpServerStorage, mcpServerStorage } from './mcp_servers.ts'

const NOW = new Date('2026-11-24T10:00:00.123Z')

describe.each([15, 18] as const)('MCP servers on PostgreSQL %i', (version) => {
  let test: TestDatabase
  let storage: McpServerStorage
  beforeAll(async () => {
    test = await createTestDatabase({ version })
    storage = mcpServerStorage(test.database)
    await test.database.runScript(`
      insert into auth_agent.organizations (id, name) values ('org_other', 'Other');
      insert into auth_agent.users (id, email, email_verified_at, email_verified_by, disabled_at) values
        ('usr_member', 'member@example.com', now(), 'mail', null),
        ('usr_listed', 'listed@example.com', now(), 'mail', null),
        ('usr_colleague', 'c@sub.example.org', now(), 'mail', null),
        ('usr_unverified', 'unverified@example.com', null, null, null),
        ('usr_disabled', 'disabled@example.com', now(), 'mail', now());
      insert into auth_agent.memberships (organization_id, user_id, role) values ('org_root', 'usr_member', 'member');`)
  })
  afterAll(() => test.drop())

  function serverAt(url: string, change: Partial<McpServer> = {}): McpServer {
    return {
      id: newId('srv_'),
      organization_id: 'org_root',
      server_url: `${url}/`,
      canonical_url: url,
      canonical_origin: new URL(url).origin,
      server_name: 'Files',
      description: null,
      logo_url: null,
      scopes: [{ name: 'files:read', description: 'Read files', default: true }, { name: 'files:write' }],
      identity: ['email'],
      access_mode: 'members',
      access_emails: [],
      access_domains: [],
      created_at: NOW,
      updated_at: NOW,
      ...change,
    }
  }

  it('comes back as it was stored', async () => {
    const server = serverAt('https://whole.example/mcp', {
      description: 'All',
      logo_url: 'https://whole.example/l',
    })
    expect(await storage.createServer(server)).toBe(true)
    expect(await storage.findServer(server.id)).toEqual(server)
    expect(await storage.findServerByCanonicalUrl('https://whole.example/mcp')).toEqual({
      ...server,
      client_policy: 'everyone',
      client_domains: [],
    })
    expect(await storage.findOwnServer('org_root', server.id)).toEqual(server)
    expect(await storage.findOwnServer('org_other', server.id)).toBeUndefined()
  })

  it('has its canonical URL alone, in any organisation', async () => {
    const first = serverAt('https://taken.example')
    const second = serverAt('https://free.example')
    expect(await storage.createServer(first)).toBe(true)
    expect(
      await storage.createServer(serverAt('https://taken.example', { organization_id: 'org_other' })),
    ).toBe(false)
    expect(await storage.createServer(second)).toBe(true)
    expect(await storage.replaceServer({ ...second, canonical_url: first.canonical_url })).toBe(false)
    expect(await storage.replaceServer({ ...second, server_name: 'New name' })).toBe(true)
    expect((await storage.findServer(second.id))?.server_name).toBe('New name')
  })

  it('is found by its origin where it lives there alone', async () => {
    const server = serverAt('https://alone.example/mcp')
    await storage.createServer(server)
    expect((await storage.findOnlyServerByOrigin('https://alone.example'))?.id).toBe(server.id)
    await storage.createServer(serverAt('https://alone.example/second'))
    expect(await storage.findOnlyServerByOrigin('https://alone.example')).toBeUndefined()
  })

  it('is what a request without resource means where nothing else can be meant', async () => {
    await test.database.runScript('delete from auth_agent.mcp_servers')
    expect(await storage.findOnlyServer([])).toBeUndefined()
    const files = serverAt('https://files.example')
    await storage.createServer(files)
    expect((await storage.findOnlyServer([]))?.id).toBe(files.id)
    expect((await storage.findOnlyServer(['unknown']))?.id).toBe(files.id)
    const mail = serverAt('https://mail.example', { scopes: [{ name: 'mail:read' }, { name: 'files:read' }] })
    await storage.createServer(mail)
    expect(await storage.findOnlyServer([])).toBeUndefined()
    expect(await storage.findOnlyServer(['files:read'])).toBeUndefined()
    expect((await storage.findOnlyServer(['mail:read', 'files:read']))?.id).toBe(mail.id)
    expect(await storage.findOnlyServer(['mail:read', 'files:write'])).toBeUndefined()
  })

  it.each<[AccessMode, Partial<McpServer>, string[]]>([
    ['members', {}, ['usr_member']],
    [
      'listed',
      { access_emails: ['listed@example.com', 'unverified@example.com', 'disabled@example.com'] },
      ['usr_listed'],
    ],
    ['listed', { access_domains: ['sub.example.org'] }, ['usr_colleague']],
    ['listed', { access_domains: ['example.org'] }, []],
    ['everyone', {}, ['usr_member', 'usr_listed', 'usr_colleague']],
  ])('admits by its access policy: %s %j', async (access_mode, lists, admitted) => {
    const server = serverAt(`https://${newId('')}.example`, { access_mode, ...lists })
    await storage.createServer(server)
    const people = [
      'usr_member',
      'usr_listed',
      'usr_colleague',
      'usr_unverified',
      'usr_disabled',
      'usr_nobody',
    ]
    const may = await Promise.all(people.map((id) => storage.mayUse(server.id, id)))
    expect(people.filter((_, index) => may[index])).toEqual(admitted)
  })

  it('is listed page by page, each once, with those of its organisation only', async () => {
    await test.database.runScript('delete from auth_agent.mcp_servers')
    const servers = Array.from({ length: 5 }, (_, index) =>
      serverAt(`https://page${index}.example`, { created_at: new Date(NOW.getTime() + (index >> 1)) }),
    )
    for (const server of servers) await storage.createServer(server)
    await storage.createServer(serverAt('https://other.example', { organization_id: 'org_other' }))
    const first = await storage.listServers('org_root', { limit: 3, after: undefined })
    const second = await storage.listServers('org_root', { limit: 3, after: first[2] })
    expect([...first, ...second].map((server) => server.id).toSorted()).toEqual(
      servers.map((server) => server.id).toSorted(),
    )
    expect([first.length, second.length]).toEqual([3, 2])
  })

  it('is removed by its organisation only', async () => {
    const server = serverAt('https://removed.example')
    await storage.createServer(server)
    expect(await storage.removeServer('org_other', server.id)).toBe(false)
    expect(await storage.removeServer('org_root', server.id)).toBe(true)
    expect(await storage.removeServer('org_root', server.id)).toBe(false)
  })
})
