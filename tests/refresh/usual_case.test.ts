import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEndOfTurn } from '../../node/src/end_of_turn.ts'
import {
  type RefreshOutcome,
  type RefreshPresentation,
  tokenStorage,
} from '../../server/src/storage/tokens.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { LIFETIMES, NOW, PRESENTATION, SET_UP, STATE, watch } from './one_family.ts'

const MEMBER = `insert into auth_agent.memberships values ('org_root', 'usr_owner', 'member')`
const OWNER = `insert into auth_agent.memberships values ('org_root', 'usr_owner', 'owner')`
const users = (change: string) => `update auth_agent.users set ${change}`
const servers = (change: string) => `update auth_agent.mcp_servers set ${change}`
const clients = (change: string) => `update auth_agent.clients set ${change}`
const organizations = (change: string) => `update auth_agent.organizations set ${change}`
const tokens = (change: string) => `update auth_agent.tokens set ${change}`

// How things may stand, as changes of a grant that may be refreshed.
const PEOPLE = [
  '',
  MEMBER,
  OWNER,
  users('disabled_at = now()'),
  users('email_verified_at = null, email_verified_by = null'),
]
const POLICIES = [
  '',
  servers(`access_mode = 'members'`),
  servers(`access_mode = 'listed'`),
  servers(`access_mode = 'listed', access_emails = '{owner@example.com}'`),
  servers(`access_mode = 'listed', access_emails = array[null]`),
  servers(`access_mode = 'listed', access_domains = '{example.com,example.org}'`),
  servers(`access_mode = 'listed', access_domains = '{example.org}'`),
  servers(`server_url = 'https://elsewhere.example.com/mcp'`),
  tokens(`scopes = '{manage}'`),
  tokens(`server_id = null`),
  tokens(`server_id = null, scopes = '{manage}'`),
]
const CLIENTS = [
  '',
  clients(`source = 'registered'`),
  clients(`source = 'metadata_document'`),
  clients(`source = 'metadata_document', client_id = 'http://localhost/client.json'`),
  clients('disabled_at = now()'),
]
const CLIENT_POLICIES = [
  organizations(`client_policy = 'domains', client_domains = '{app.example.com}'`),
  organizations(`client_policy = 'domains', client_domains = '{example.com}'`),
  organizations(`client_policy = 'registered'`),
]
const GRANTS = [
  '',
  tokens(`expires_at = '${NOW.toISOString()}'`),
  tokens(`max_expires_at = '${NOW.toISOString()}'`),
  tokens(`max_expires_at = '${new Date(NOW.getTime() + 60_000).toISOString()}'`),
  tokens(`revoked_at = now(), revoked_reason = 'test'`),
  tokens(`access_expires_at = '${new Date(NOW.getTime() + 7_200_000).toISOString()}'`),
  tokens(`superseded_at = '{}'`),
  tokens(`replayed_generation = 5, raced_generation = 6, raced_run = 4`),
  tokens(`superseded_at = array(select timestamptz '${NOW.toISOString()}' - n * interval '25 s'
    from generate_series(0, 9) n)`),
  tokens(`superseded_at = array(select timestamptz '${NOW.toISOString()}' - n * interval '0.5 s'
    from generate_series(0, 63) n)`),
  tokens('generation = 6'),
  tokens('generation = 8'),
  tokens('generation = 9'),
  tokens(`generation = 8, superseded_at = array[timestamptz '${NOW.toISOString()}' - interval '59 s']`),
]
const REQUESTS: Partial<RefreshPresentation>[] = [
  {},
  { client_digest: Buffer.from('another') },
  { presented_from: null },
  { family: 'unknown' },
  { scopes: ['files:write'] },
  { scopes: ['files:write', 'files:delete'] },
  ...['https://MCP.example.com/mcp', 'https://mcp.example.com/mcp', 'https://mcp.example.com', 'x:y'].map(
    (resource) => ({ resource }),
  ),
]

interface Case {
  changes: readonly string[]
  request: Partial<RefreshPresentation>
}

const CASES: Case[] = [
  ...PEOPLE.flatMap((person) => POLICIES.map((policy) => ({ changes: [person, policy], request: {} }))),
  ...CLIENTS.flatMap((client) =>
    CLIENT_POLICIES.map((policy) => ({ changes: [client, policy], request: {} })),
  ),
  ...CLIENTS.map((client) => ({ changes: [client], request: {} })),
  ...GRANTS.flatMap((grant) => REQUESTS.map((request) => ({ changes: [grant], request }))),
]

describe.each([15, 18] as const)('the statement for the usual case, on PostgreSQL %i', (version) => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase({ version })
    await test.database.runScript(SET_UP)
  })
  afterAll(() => test.drop())

  it('does what the one for every case does, or nothing', async () => {
    const seen: Partial<Record<RefreshOutcome | 'unknown', string[][]>> = {}
    await test.database.transaction(async (tx) => {
      for (const { changes, request } of CASES) {
        await tx.runScript(`savepoint before; ${changes.join('; ')}; savepoint changed`)
        const presentWith = async (without?: string, more: readonly Partial<RefreshPresentation>[] = []) => {
          const { db, asked } = watch(tx, without)
          const { presentRefreshToken } = tokenStorage(db, more.length > 0 ? createEndOfTurn() : undefined)
          const [answer] = await Promise.all(
            [request, ...more].map((one) => presentRefreshToken({ ...PRESENTATION, ...one }, LIFETIMES, NOW)),
          )
          const state = await tx.query(STATE)
          await tx.runScript('rollback to savepoint changed')
          return { answer, state, asked }
        }
        const usual = await presentWith()
        const every = await presentWith('tokens_rotate')
        const together = await presentWith(undefined, [{ family: 'another' }])
        expect(together.asked[0]).toBe('tokens_rotate_together')
        const about = { changes, request }
        expect({ ...about, ...together, asked: [] }).toEqual({ ...about, ...usual, asked: [] })
        expect({ ...about, state: usual.state }).toEqual({ ...about, state: every.state })
        expect({ ...about, answer: usual.answer }).toEqual({
          ...about,
          // Nobody asks of one that rotates.
          answer: every.answer && {
            ...every.answer,
            moved_network: every.answer.outcome !== 'rotated' && every.answer.moved_network,
          },
        })
        const outcome = usual.answer?.outcome ?? 'unknown'
        seen[outcome] = [...(seen[outcome] ?? []), usual.asked]
        await tx.runScript('rollback to savepoint before')
      }
    })
    const both = [['tokens_rotate', 'tokens_present']]
    const { rotated, ...others } = seen
    for (const [outcome, asked] of Object.entries(others))
      expect([outcome, ...asked]).toEqual([outcome, ...asked.flatMap(() => both)])
    expect(Object.keys(others).sort()).toEqual([
      'ahead',
      'barred',
      'expired',
      'other_client',
      'other_resource',
      'raced',
      'repeated',
      'revoked',
      'scope_exceeded',
      'theft',
      'unknown',
    ])
    // The others are grants for no server, or to manage.
    expect(rotated?.filter((asked) => asked.length === 1).length).toBeGreaterThan(60)
    expect(rotated?.filter((asked) => asked.length === 2)).toHaveLength(6)
  })

  it.each([
    ['a client of no domain', `${CLIENTS[3]}; ${CLIENT_POLICIES[0]}`],
    ['a list with a gap', POLICIES[4] ?? ''],
  ])('bars where the rule has no answer: %s', async (_, changes) => {
    await test.database.transaction(async (tx) => {
      await tx.runScript(`savepoint before; ${changes}`)
      const answer = await tokenStorage(tx).presentRefreshToken(PRESENTATION, LIFETIMES, NOW)
      expect(answer?.outcome).toBe('barred')
      await tx.runScript('rollback to savepoint before')
    })
  })

  it.each([
    ['a second apart, the newest 64', 1, 70, 64],
    ['twelve seconds apart, and few of those before', 12, 20, 8],
    ['an hour apart, the last one', 3_600, 3, 1],
  ])('keeps when tokens were superseded: %s', async (_, apart, times, kept) => {
    await test.database.transaction(async (tx) => {
      await tx.runScript('savepoint before')
      const momentOf = (n: number) => new Date(NOW.getTime() + n * apart * 1_000)
      const family = tokenStorage(tx)
      for (let n = 0; n < times; n += 1) {
        const presentation = { ...PRESENTATION, generation: PRESENTATION.generation + n }
        const answer = await family.presentRefreshToken(presentation, LIFETIMES, momentOf(n))
        expect(answer?.outcome).toBe('rotated')
      }
      const [state] = await tx.query(STATE)
      const newest = Array.from({ length: times }, (__, n) => momentOf(times - 1 - n))
      expect(state?.superseded_at).toEqual(newest.slice(0, state?.superseded_at.length))
      expect(state?.superseded_at).toHaveLength(kept)
      await tx.runScript('rollback to savepoint before')
    })
  })
})
