import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestContext, type TestContext } from '../../../tests/support/context.ts'
import { storeUserAuthorization } from '../../../tests/support/user_authorization.ts'
import { statement } from '../storage/database.ts'
import { findActiveClaims, signAccessToken } from './access_token.ts'
import {
  endAllOfClient,
  endAllOfServer,
  endAllOfUser,
  endAuthorization,
  endDisallowed,
  endFamily,
  endGrant,
  endKey,
} from './revocation.ts'

const HOUR = 3_600_000
const SERVER = { id: 'srv_files', organization_id: 'org_root', server_url: 'https://files.example.com' }
const CLIENT = { clientId: 'cli_editor', organizationId: 'org_root', digest: Buffer.from('editor') }

const INSERT = statement(
  'test_insert_family',
  `insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes,
     identity, auth_time, sender_constrained, created_at, last_used_at, expires_at, max_expires_at, access_expires_at)
   values ($1, $1, 'org_root', $2, $3, $4, 'https://files.example.com', '{}', '{}', $5, false, $5, $5, $6, $6, $7)`,
)
const REASONS = statement<{ grant_id: string; revoked_reason: string | null }>(
  'test_reasons',
  'select grant_id, revoked_reason from auth_agent.tokens',
)
const AUDITED = statement<{ type: string; detail: object }>(
  'test_audited',
  'select type, detail from auth_agent.audit_events order by id desc limit 1',
)

let test: TestContext

beforeAll(async () => {
  test = await createTestContext()
  await test.database.runScript(`
    insert into auth_agent.users (id, email, email_verified_at, email_verified_by) values
      ('usr_alice', 'alice@example.com', now(), 'operator'), ('usr_bob', 'bob@example.com', now(), 'operator');
    insert into auth_agent.memberships (organization_id, user_id, role) values ('org_root', 'usr_alice', 'member');
    insert into auth_agent.mcp_servers (id, organization_id, server_url, canonical_url, canonical_origin, server_name,
      scopes, created_at, updated_at) values
      ('srv_files', 'org_root', 'https://files.example.com', 'https://files.example.com', 'https://files.example.com', 'F', '[]', now(), now()),
      ('srv_mail', 'org_root', 'https://mail.example.com', 'https://mail.example.com', 'https://mail.example.com', 'M', '[]', now(), now());
    insert into auth_agent.clients (digest, client_id, organization_id, source, metadata, created_at, updated_at) values
      ('editor', 'cli_editor', 'org_root', 'registered', '{}', now(), now()),
      ('robot', 'cli_robot', 'org_root', 'registered', '{}', now(), now());`)
})
afterAll(() => test.close())

/** Four grants: one each that differs from the first in its person, its client, and its server. */
beforeEach(async () => {
  test.clock.advance(2 * HOUR)
  await test.database.runScript('truncate auth_agent.tokens, auth_agent.denials')
  await insert('of alice', 'editor', 'usr_alice', 'srv_files')
  await insert('of bob', 'editor', 'usr_bob', 'srv_files')
  await insert('of robot', 'robot', 'usr_alice', 'srv_files')
  await insert('of mail', 'editor', 'usr_alice', 'srv_mail')
})

async function insert(grant: string, client: string, user: string, server: string): Promise<void> {
  const [now, later, exp] = [0, 720 * HOUR, HOUR].map((wait) => new Date(test.clock.now + wait))
  await test.database.query(INSERT, [grant, Buffer.from(client), user, server, now, later, exp])
}

/** The grants that ended, and why. */
async function ended(): Promise<Record<string, string>> {
  const rows = await test.database.query(REASONS)
  return Object.fromEntries(
    rows.flatMap(({ grant_id, revoked_reason }) =>
      revoked_reason === null ? [] : [[grant_id, revoked_reason]],
    ),
  )
}

async function isActive(change: object): Promise<boolean> {
  const subject = {
    sub: 'usr_alice',
    clientId: 'cli_editor',
    resource: SERVER.server_url,
    scopes: [],
    ...change,
  }
  return (await findActiveClaims(test.context, await signAccessToken(test.context, subject))) !== undefined
}

describe('ending', () => {
  it('a grant ends it with its access tokens, is recorded, and does no more the second time', async () => {
    expect(await isActive({ grantId: 'of alice' })).toBe(true)
    expect(await endGrant(test.context, 'of alice', 'code_replay')).toBe(1)
    expect(await ended()).toEqual({ 'of alice': 'code_replay' })
    expect(await isActive({ grantId: 'of alice' })).toBe(false)
    expect(await isActive({ grantId: 'of mail' })).toBe(true)
    expect(await test.database.query(AUDITED)).toEqual([
      { type: 'grants.revoked', detail: { reason: 'code_replay', grants: 1 } },
    ])
    expect(await endGrant(test.context, 'of alice', 'user_request')).toBe(0)
    expect(await ended()).toEqual({ 'of alice': 'code_replay' })
  })

  it('a family is for the client that holds it', async () => {
    expect(await endFamily(test.context, 'of alice', Buffer.from('robot'))).toBe(0)
    expect(await endFamily(test.context, 'of nobody', CLIENT.digest)).toBe(0)
    expect(await ended()).toEqual({})
    expect(await endFamily(test.context, 'of alice', CLIENT.digest)).toBe(1)
    expect(await ended()).toEqual({ 'of alice': 'client_request' })
  })

  it('everything of a person leaves that of others', async () => {
    await endAllOfUser(test.context, 'usr_alice', 'password_reset')
    expect(await ended()).toEqual({
      'of alice': 'password_reset',
      'of robot': 'password_reset',
      'of mail': 'password_reset',
    })
  })

  it('everything of a client ends also what it got in its own name, and not what it gets after that', async () => {
    await endAllOfClient(test.context, CLIENT)
    expect(await ended()).toEqual({
      'of alice': 'client_removed',
      'of bob': 'client_removed',
      'of mail': 'client_removed',
    })
    const own = { sub: 'cli_editor', clientId: 'cli_editor' }
    expect(await isActive(own)).toBe(false)
    expect(await isActive({ sub: 'cli_robot', clientId: 'cli_robot' })).toBe(true)
    // The denial reaches as far beyond that moment as the clocks of nodes may be apart.
    test.clock.advance(31_000)
    expect(await isActive(own)).toBe(true)
  })

  it('everything for a server ends also what clients got for it', async () => {
    await endAllOfServer(test.context, SERVER)
    expect(Object.keys(await ended()).toSorted()).toEqual(['of alice', 'of bob', 'of robot'])
    expect(await isActive({ clientId: 'cli_robot' })).toBe(false)
    expect(await isActive({ clientId: 'cli_robot', resource: 'https://mail.example.com' })).toBe(true)
  })

  it('what the access policy does not allow leaves what it allows', async () => {
    expect(await endDisallowed(test.context, 'srv_files')).toBe(1)
    expect(await ended()).toEqual({ 'of bob': 'access_policy' })
  })

  it('an authorization of nobody, or of somebody else, does nothing', async () => {
    const of = { userId: 'usr_alice', authorizationId: 'aut_unknown' }
    expect(await endAuthorization(test.context, of)).toBe(false)
    expect(await ended()).toEqual({})
  })

  it('an authorization ends its grants, and is for its own person', async () => {
    const now = new Date(test.clock.now)
    await storeUserAuthorization(
      test.database,
      {
        id: 'aut_alice',
        organization_id: 'org_root',
        user_id: 'usr_alice',
        client_digest: CLIENT.digest,
        server_id: 'srv_files',
        redirect_origin: 'http://127.0.0.1',
        metadata_digest: Buffer.from('metadata'),
        scopes: [],
        identity: [],
      },
      now,
    )
    const authorizationId = 'aut_alice'
    expect(await endAuthorization(test.context, { userId: 'usr_bob', authorizationId })).toBe(false)
    expect(await endAuthorization(test.context, { userId: 'usr_alice', authorizationId })).toBe(true)
    expect(await ended()).toEqual({ 'of alice': 'user_request' })
    expect(await endAuthorization(test.context, { userId: 'usr_alice', authorizationId })).toBe(false)
  })

  it('an API key is honoured at once', async () => {
    await endKey(test.context, { keyId: 'key_a', organizationId: 'org_root', serverId: 'srv_files' })
    expect(test.context.denials.isKeyDenied('key_a')).toBe(true)
  })
})
