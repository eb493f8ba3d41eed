import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Call, createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'

let test: TestDatabase
let api: ManagementTest
let asOwner: Call
let asAdministrator: Call
beforeEach(async () => {
  await test?.drop()
  test = await createTestDatabase()
  api = await createManagementTest(test.database)
  await test.database.runScript(`
    insert into auth_agent.users (id, email, email_verified_at, email_verified_by) values
      ('usr_owner', 'owner@example.com', now(), 'operator'), ('usr_admin', 'admin@example.com', now(), 'mail'),
      ('usr_member', 'member@example.com', now(), 'mail');
    insert into auth_agent.memberships (organization_id, user_id, role) values
      ('org_root', 'usr_owner', 'owner'), ('org_root', 'usr_admin', 'admin'), ('org_root', 'usr_member', 'member');`)
  asOwner = await api.asUser('usr_owner')
  asAdministrator = await api.asUser('usr_admin')
})
afterAll(() => test.drop())

describe('members', () => {
  it('are listed page by page', async () => {
    const { body } = await asOwner('GET', '/members')
    expect(body.members.map((member: { user_id: string }) => member.user_id).toSorted()).toEqual([
      'usr_admin',
      'usr_member',
      'usr_owner',
    ])
    const first = (await asOwner('GET', '/members?limit=2')).body
    const second = (await asOwner('GET', `/members?limit=2&cursor=${first.next_cursor}`)).body
    expect([...first.members, ...second.members]).toEqual(body.members)
  })

  it('change their roles', async () => {
    const { status, body } = await asOwner('PATCH', '/members/usr_member', { role: 'admin' })
    expect([status, body.role, body.email]).toEqual([200, 'admin', 'member@example.com'])
    expect((await asOwner('PATCH', '/members/usr_member', { role: 'king' })).status).toBe(400)
    expect((await asOwner('PATCH', '/members/usr_none', { role: 'admin' })).status).toBe(404)
  })

  it('lose what only members may use when they are removed', async () => {
    const { body: server } = await asOwner('POST', '/servers', {
      server_url: 'https://mcp.example.com',
      server_name: 'Files',
      scopes: ['read'],
    })
    await grant('usr_member', server.server_id)
    await grant('usr_admin', server.server_id)
    expect((await asOwner('DELETE', '/members/usr_member')).status).toBe(204)
    expect(await revokedUsers()).toEqual(['usr_member'])
    expect((await asOwner('DELETE', '/members/usr_member')).status).toBe(404)
    await asOwner('PATCH', `/servers/${server.server_id}`, { access: { emails: ['owner@example.com'] } })
    expect(await revokedUsers()).toEqual(['usr_admin', 'usr_member'])
  })
})

describe('the last owner', () => {
  it('can be neither demoted nor removed', async () => {
    for (const role of ['admin', 'member']) {
      const { status, body } = await asOwner('PATCH', '/members/usr_owner', { role })
      expect([status, body.error]).toEqual([409, 'conflict'])
    }
    expect((await asOwner('DELETE', '/members/usr_owner')).status).toBe(409)
    expect((await api.asAdmin('DELETE', '/members/usr_owner')).status).toBe(409)
    expect((await asOwner('PATCH', '/members/usr_owner', { role: 'owner' })).status).toBe(200)
  })

  it('may leave once there is another', async () => {
    await asOwner('PATCH', '/members/usr_admin', { role: 'owner' })
    expect((await asOwner('DELETE', '/members/usr_owner')).status).toBe(204)
    expect((await asOwner('GET', '/members')).status).toBe(403)
  })

  it('is not one whose account is disabled', async () => {
    await asOwner('PATCH', '/members/usr_admin', { role: 'owner' })
    await test.database.runScript(`update auth_agent.users set disabled_at = now() where id = 'usr_admin'`)
    expect((await asOwner('DELETE', '/members/usr_owner')).status).toBe(409)
  })

  it('stays when two owners demote each other at once', async () => {
    await asOwner('PATCH', '/members/usr_admin', { role: 'owner' })
    const answers = await Promise.all([
      asOwner('PATCH', '/members/usr_admin', { role: 'member' }),
      asAdministrator('PATCH', '/members/usr_owner', { role: 'member' }),
    ])
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1)
    const { body } = await api.asAdmin('GET', '/members')
    expect(body.members.filter((member: { role: string }) => member.role === 'owner')).toHaveLength(1)
  })
})

describe('an administrator', () => {
  it('makes and unmakes no owner', async () => {
    const attempts = [
      asAdministrator('PATCH', '/members/usr_admin', { role: 'owner' }),
      asAdministrator('PATCH', '/members/usr_owner', { role: 'member' }),
      asAdministrator('DELETE', '/members/usr_owner'),
      asAdministrator('POST', '/invitations', { email: 'me@example.com', role: 'owner' }),
    ]
    for (const answer of await Promise.all(attempts)) {
      expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
    }
  })

  it('manages the others', async () => {
    expect((await asAdministrator('PATCH', '/members/usr_member', { role: 'admin' })).status).toBe(200)
    expect((await asAdministrator('DELETE', '/members/usr_member')).status).toBe(204)
  })
})

describe('invitations', () => {
  it('come with a link to hand over where no mail leaves', async () => {
    const { status, body } = await asOwner('POST', '/invitations', { email: 'Ada@Example.com' })
    expect(status).toBe(201)
    expect(body).toEqual({
      invitation_id: expect.stringMatching(/^inv_/),
      email: 'ada@example.com',
      role: 'member',
      created_at: expect.any(String),
      expires_at: expect.any(String),
      link: expect.stringMatching(/^https:\/\/as\.example\/invitation\?token=[\w-]{43}$/),
    })
    const { link: _, ...rest } = body
    const list = await asOwner('GET', '/invitations')
    expect(list.body.invitations).toEqual([{ ...rest, accepted_at: null }])
    expect((await asOwner('DELETE', `/invitations/${body.invitation_id}`)).status).toBe(204)
    expect((await asOwner('DELETE', `/invitations/${body.invitation_id}`)).status).toBe(404)
    expect((await asOwner('GET', '/invitations')).body.invitations).toEqual([])
  })

  it('are refused for a member, and for what is no address', async () => {
    const member = await asOwner('POST', '/invitations', { email: 'member@example.com' })
    expect([member.status, member.body.error]).toEqual([409, 'conflict'])
    const { status, body } = await asOwner('POST', '/invitations', { email: 'nobody' })
    expect([status, body.error_description]).toEqual([400, expect.stringMatching(/^email/)])
    expect((await asOwner('POST', '/invitations', {})).body.error_description).toMatch(/^email is missing/)
    expect((await asOwner('POST', '/invitations', { email: 'a@b.example', role: 'king' })).status).toBe(400)
  })
})

describe('the organisation', () => {
  it('is read and changed', async () => {
    expect((await asOwner('GET', '/organization')).body).toMatchObject({
      name: 'Auth-Agent',
      client_policy: 'everyone',
    })
    const client_policy = { domains: ['claude.ai', 'Example.com'] }
    const changed = await asOwner('PATCH', '/organization', { name: 'Acme', client_policy })
    expect(changed.body).toMatchObject({
      name: 'Acme',
      client_policy: { domains: ['claude.ai', 'example.com'] },
    })
    expect((await asOwner('GET', '/organization')).body).toEqual(changed.body)
    expect((await asOwner('PATCH', '/organization', { client_policy: 'registered' })).body).toMatchObject({
      name: 'Acme',
      client_policy: 'registered',
    })
  })

  it.each([
    { name: '' },
    { client_policy: 'nobody' },
    { client_policy: { domains: [] } },
    { client_policy: { domains: ['x'] } },
  ])('refuses %j', async (change) => {
    expect((await asOwner('PATCH', '/organization', change)).status).toBe(400)
  })
})

/** A grant of a person at a server, as an authorization would have left it. */
async function grant(userId: string, serverId: string): Promise<void> {
  await test.database.runScript(`
    insert into auth_agent.clients (digest, client_id, organization_id, source, metadata, created_at, updated_at)
      values ('c', 'cli_c', 'org_root', 'registered', '{}', now(), now()) on conflict do nothing;
    insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes,
        identity, auth_time, sender_constrained, created_at, last_used_at, expires_at, max_expires_at, access_expires_at)
      values ('${userId}', 'grant_${userId}', 'org_root', 'c', '${userId}', '${serverId}', 'https://mcp.example.com', '{}',
        '{}', now(), false, now(), now(), now() + interval '1 day', now() + interval '1 day', now() + interval '1 hour');`)
}

async function revokedUsers(): Promise<string[]> {
  const rows = await test.database.query<{ user_id: string }>({
    name: 'test_revoked',
    text: 'select user_id from auth_agent.tokens where revoked_at is not null order by user_id',
  })
  return rows.map((row) => row.user_id)
}
