import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { newId } from '../random.ts'
import { clientServerScopeStorage } from './client_server_scopes.ts'
import { type McpServerKey, mcpServerKeyStorage } from './mcp_server_keys.ts'
import { organizationStorage } from './organizations.ts'

const NOW = new Date('2026-11-24T10:00:00.123Z')

describe.each([15, 18] as const)("an organisation's rows on PostgreSQL %i", (version) => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase({ version })
    await test.database.runScript(`
      insert into auth_agent.organizations (id, name) values ('org_other', 'Other');
      insert into auth_agent.mcp_servers (id, organization_id, server_url, canonical_url, canonical_origin, server_name,
        scopes, created_at, updated_at) values
        ('srv_files', 'org_root', 'https://a.example/', 'https://a.example', 'https://a.example', 'A', '[]', now(), now()),
        ('srv_other', 'org_other', 'https://b.example/', 'https://b.example', 'https://b.example', 'B', '[]', now(), now());
      insert into auth_agent.clients (digest, client_id, organization_id, source, metadata, created_at, updated_at)
        values ('client', 'cli_robot', 'org_root', 'registered', '{}', now(), now());`)
  })
  afterAll(() => test.drop())

  function key(change: Partial<McpServerKey> = {}): McpServerKey {
    return {
      id: newId('key_'),
      organization_id: 'org_root',
      server_id: 'srv_files',
      name: 'production',
      secret_digest: Buffer.from('digest'),
      created_at: NOW,
      expires_at: null,
      revoked_at: null,
      ...change,
    }
  }

  it('stores keys of its own servers only, and finds them with the address of the server', async () => {
    const keys = mcpServerKeyStorage(test.database)
    const created = key({ expires_at: new Date(NOW.getTime() + 1000) })
    expect(await keys.createServerKey(created)).toBe(true)
    expect(await keys.findServerKey(created.id)).toEqual({ ...created, server_url: 'https://a.example/' })
    expect(await keys.createServerKey(key({ server_id: 'srv_other' }))).toBe(false)
    expect(await keys.createServerKey(key({ server_id: 'srv_none' }))).toBe(false)
    expect(await keys.findServerKey('key_none')).toBeUndefined()
  })

  it('revokes a key once, and keeps when it was', async () => {
    const keys = mcpServerKeyStorage(test.database)
    const created = key()
    await keys.createServerKey(created)
    expect(await keys.revokeServerKey({ ...created, organization_id: 'org_other' }, NOW)).toBeUndefined()
    expect(await keys.revokeServerKey({ ...created, server_id: 'srv_other' }, NOW)).toBeUndefined()
    const later = new Date(NOW.getTime() + 60_000)
    expect((await keys.revokeServerKey(created, NOW))?.revoked_at).toEqual(NOW)
    expect((await keys.revokeServerKey(created, later))?.revoked_at).toEqual(NOW)
  })

  it('lists keys page by page', async () => {
    const keys = mcpServerKeyStorage(test.database)
    const all = await keys.listServerKeys('org_root', 'srv_files', { limit: 10, after: undefined })
    const [first] = await keys.listServerKeys('org_root', 'srv_files', { limit: 1, after: undefined })
    const rest = await keys.listServerKeys('org_root', 'srv_files', { limit: 10, after: first })
    expect([first, ...rest]).toEqual(all)
    expect(await keys.listServerKeys('org_other', 'srv_files', { limit: 10, after: undefined })).toEqual([])
  })

  it('gives a client scopes of its own servers only, replacing what it had', async () => {
    const scopes = clientServerScopeStorage(test.database)
    const digest = Buffer.from('client')
    await scopes.replaceClientServerScopes('org_root', digest, [
      { server_id: 'srv_files', scopes: ['a', 'b'] },
    ])
    expect(await scopes.listClientServerScopes('org_root', digest)).toEqual([
      { server_id: 'srv_files', scopes: ['a', 'b'] },
    ])
    await scopes.replaceClientServerScopes('org_root', digest, [{ server_id: 'srv_files', scopes: ['c'] }])
    expect(await scopes.listClientServerScopes('org_root', digest)).toEqual([
      { server_id: 'srv_files', scopes: ['c'] },
    ])
    expect(await scopes.listClientServerScopes('org_other', digest)).toEqual([])
    const foreign = [{ server_id: 'srv_other', scopes: ['a'] }]
    await expect(scopes.replaceClientServerScopes('org_root', digest, foreign)).rejects.toThrow('foreign key')
    await expect(scopes.replaceClientServerScopes('org_other', digest, foreign)).rejects.toThrow(
      'foreign key',
    )
  })

  it('changes what is given of an organisation and leaves the rest', async () => {
    const organizations = organizationStorage(test.database)
    expect(await organizations.changeOrganization('org_root', { name: 'Acme' })).toMatchObject({
      name: 'Acme',
      client_policy: 'everyone',
    })
    const policy = { client_policy: 'domains' as const, client_domains: ['claude.ai'] }
    expect(await organizations.changeOrganization('org_root', policy)).toMatchObject({
      name: 'Acme',
      ...policy,
    })
    expect(await organizations.findOrganization('org_root')).toMatchObject({ name: 'Acme', ...policy })
    expect(await organizations.changeOrganization('org_none', { name: 'None' })).toBeUndefined()
    expect((await organizations.findOrganization('org_other'))?.name).toBe('Other')
  })
})
