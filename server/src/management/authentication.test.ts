import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, createManagementTest, type ManagementTest } from '../../../tests/support/management.ts'
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts'
import { type AccessTokenSubject, signAccessToken } from '../tokens/access_token.ts'

let test: TestDatabase
let api: ManagementTest
beforeAll(async () => {
  test = await createTestDatabase()
  api = await createManagementTest(test.database)
  await test.database.runScript(`
    insert into auth_agent.users (id, email, email_verified_at, email_verified_by) values
      ('usr_owner', 'owner@example.com', now(), 'operator'), ('usr_admin', 'admin@example.com', now(), 'mail'),
      ('usr_member', 'member@example.com', now(), 'mail'), ('usr_stranger', 'stranger@example.com', now(), 'mail');
    insert into auth_agent.memberships (organization_id, user_id, role) values
      ('org_root', 'usr_owner', 'owner'), ('org_root', 'usr_admin', 'admin'), ('org_root', 'usr_member', 'member');`)
})
afterAll(() => test.drop())

function token(change: Partial<AccessTokenSubject> = {}): Promise<string> {
  const resource = 'https://as.example/api'
  return signAccessToken(api.context, {
    sub: 'usr_owner',
    clientId: 'cli_console',
    resource,
    scopes: ['manage'],
    grantId: 'grant',
    ...change,
  })
}

const metadata = 'resource_metadata="https://as.example/.well-known/oauth-protected-resource"'

describe('without a credential', () => {
  it('nothing answers but the description of the API', async () => {
    const description = await api.call('GET', '/openapi.json')
    expect(description.status).toBe(200)
    for (const [path, item] of Object.entries(description.body.paths as object)) {
      for (const method of Object.keys(item)) {
        const answer = await api.call(method.toUpperCase(), path.replace(/\{.*?\}/g, 'srv_x'))
        expect([path, method, answer.status]).toEqual([path, method, 401])
      }
    }
  })

  it('the refusal says where the metadata is (RFC 9728 §5.1), and has no error code (RFC 6750 §3.1)', async () => {
    const { status, headers, body } = await api.call('GET', '/servers')
    expect(status).toBe(401)
    expect(headers.get('WWW-Authenticate')).toBe(`Bearer ${metadata}`)
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(body).toEqual({ error: 'invalid_token', error_description: expect.stringContaining('Sign in') })
  })

  it('an unknown path says no more', async () => {
    expect((await api.call('GET', '/nothing')).status).toBe(401)
    for (const path of ['/nothing', '/', '/servers/']) {
      const { status, body } = await api.asAdmin('GET', path)
      expect([path, status, body.error]).toEqual([path, 404, 'not_found'])
    }
    expect((await api.asAdmin('PUT', '/servers', {})).body).toMatchObject({ error: 'not_found' })
  })
})

describe('the admin token', () => {
  it('acts for the root organisation', async () => {
    const { status, headers, body } = await api.asAdmin('GET', '/organization')
    expect([status, body.organization_id]).toEqual([200, 'org_root'])
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  it.each([
    ['another', 'Bearer another'],
    ['its beginning', `Bearer ${ADMIN_TOKEN.slice(0, -1)}`],
    ['none', 'Bearer'],
    ['empty', ''],
    ['Basic', `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`],
    ['two', `Bearer ${ADMIN_TOKEN}, Bearer ${ADMIN_TOKEN}`],
  ])('is refused when it is %s', async (_, Authorization) => {
    const { status, headers } = await api.call('GET', '/servers', undefined, { Authorization })
    expect(status).toBe(401)
    expect(headers.get('WWW-Authenticate')).toContain(metadata)
  })

  it('is named where something that is no access token was sent', async () => {
    const without = await createManagementTest(test.database, { adminToken: undefined })
    for (const { call } of [api, without]) {
      const { body } = await call('GET', '/servers', undefined, { Authorization: 'Bearer mistyped+/==' })
      expect(body).toEqual({
        error: 'invalid_token',
        error_description:
          'This is not the admin token: compare it with AUTH_AGENT_ADMIN_TOKEN, with which the server must have been started.',
      })
    }
    const { body } = await api.call('GET', '/servers', undefined, { Authorization: 'Bearer a.b.c' })
    expect(body.error_description).toContain('access token')
  })

  it('does not exist where none is configured', async () => {
    const other = await createManagementTest(test.database, { adminToken: undefined })
    expect((await other.asAdmin('GET', '/servers')).status).toBe(401)
    expect(
      (await other.call('GET', '/servers', undefined, { Authorization: 'Bearer undefined' })).status,
    ).toBe(401)
  })
})

describe('an access token', () => {
  async function get(change: Partial<AccessTokenSubject> = {}) {
    return api.call('GET', '/organization', undefined, { Authorization: `Bearer ${await token(change)}` })
  }

  it('for the management API acts for its owner or administrator', async () => {
    expect((await get()).status).toBe(200)
    expect((await get({ sub: 'usr_admin' })).status).toBe(200)
  })

  it('is refused for another audience', async () => {
    for (const resource of ['https://as.example', 'https://mcp.example', 'https://as.example/api/']) {
      const { status, headers } = await get({ resource })
      expect(status).toBe(401)
      expect(headers.get('WWW-Authenticate')).toBe(`Bearer error="invalid_token", ${metadata}`)
    }
  })

  it('needs the scope manage', async () => {
    const { status, headers, body } = await get({ scopes: ['openid', 'manager'] })
    expect([status, body.error]).toEqual([403, 'insufficient_scope'])
    expect(headers.get('WWW-Authenticate')).toBe(
      `Bearer error="insufficient_scope", scope="manage", ${metadata}`,
    )
  })

  it('is refused of a client in its own name, of a member, and of a stranger', async () => {
    for (const sub of ['cli_console', 'usr_member', 'usr_stranger']) {
      expect([sub, (await get({ sub })).status]).toEqual([sub, 403])
    }
  })

  it('is refused when it is bound to a key, which cannot be checked here', async () => {
    expect((await get({ dpopJkt: 'thumbprint' })).status).toBe(401)
  })
})

describe('a session', () => {
  let asOwner: Awaited<ReturnType<ManagementTest['asUser']>>
  beforeEach(async () => {
    asOwner = await api.asUser('usr_owner')
  })

  it('acts for its owner or administrator, who may change things from our pages', async () => {
    expect((await asOwner('PATCH', '/organization', { name: 'Acme' })).body.name).toBe('Acme')
    const asAdministrator = await api.asUser('usr_admin')
    expect((await asAdministrator('PATCH', '/organization', { name: 'Root' })).body.name).toBe('Root')
  })

  it('of somebody without the role is refused', async () => {
    for (const user of ['usr_member', 'usr_stranger']) {
      const { status, body } = await (await api.asUser(user))('GET', '/servers')
      expect([status, body.error]).toEqual([403, 'access_denied'])
    }
  })

  it('is no credential any more once the role is gone, or the account is disabled', async () => {
    const asAdministrator = await api.asUser('usr_admin')
    await asOwner('PATCH', '/members/usr_admin', { role: 'member' })
    expect((await asAdministrator('GET', '/servers')).status).toBe(403)
    await asOwner('PATCH', '/members/usr_admin', { role: 'admin' })
    await test.database.runScript(`update auth_agent.users set disabled_at = now() where id = 'usr_admin'`)
    expect((await asAdministrator('GET', '/servers')).status).toBe(401)
    await test.database.runScript(`update auth_agent.users set disabled_at = null where id = 'usr_admin'`)
  })

  it.each([
    ['without the token', { 'X-CSRF-Token': '' }],
    ['with another token', { 'X-CSRF-Token': 'a'.repeat(43) }],
    ['from another origin', { Origin: 'https://evil.example' }],
    ['from another site', { 'Sec-Fetch-Site': 'same-site' }],
  ])('changes nothing %s', async (_, headers) => {
    const before = (await asOwner('GET', '/organization')).body.name
    const answer = await asOwner('PATCH', '/organization', { name: 'Forged' }, headers)
    expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
    expect((await asOwner('GET', '/organization')).body.name).toBe(before)
  })

  it('beside an Authorization header is one credential too many', async () => {
    const { status, body } = await asOwner('GET', '/servers', undefined, {
      Authorization: `Bearer ${ADMIN_TOKEN}`,
    })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})
