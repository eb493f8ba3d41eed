import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { statement } from '../../server/src/storage/database.ts'
import { type RefreshLifetimes, tokenStorage } from '../../server/src/storage/tokens.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { explore } from './exploration.ts'
import { type Family, type Presented, present, RACE_WINDOW, RACED_RUN_OF_THEFT } from './rule.ts'
import type { Cast } from './world.ts'

/** A family, and the generation that is presented to it. */
interface Case {
  family: Family
  generation: number
}

/** The columns of `tokens` that are the state of the rule. */
interface StateRow {
  family: string
  generation: number
  superseded_at: Date[]
  replayed_generation: number | null
  raced_generation: number | null
  raced_run: number
  revoked: boolean
}

const NOW = Date.UTC(2026, 10, 24, 12)
/** The exploration counts from the current generation; no column is negative. */
const ZERO = 10
const CLIENT = Buffer.from('client')
const LIFETIMES: RefreshLifetimes = {
  raceWindow: RACE_WINDOW,
  maxRacedRun: RACED_RUN_OF_THEFT,
  refreshTokenTtl: 2_592_000,
  accessTokenTtl: 3600,
}

/** All that can happen to all that can be reached, by owner, second process, thief and restores, each once. */
function reachableCases(): Case[] {
  const cast: Cast = {
    rule: present,
    processes: 2,
    thief: true,
    losses: true,
    races: true,
    maxInWindow: 3,
    history: 'none',
  }
  const families = new Map<string, Family>()
  for (const senderConstrained of [false, true]) {
    for (const restores of [false, true]) {
      const few = restores ? { thief: false, maxInWindow: 1 } : {}
      explore(
        { ...cast, ...few, senderConstrained, restores },
        () => true,
        ({ family }) => {
          families.set(JSON.stringify(family), family)
        },
      )
    }
  }
  const presented = [-5, -4, -3, -2, -1, 0, 1, 2]
  return [...families.values()].flatMap((family) => presented.map((generation) => ({ family, generation })))
}

const INSERT = statement(
  'test_insert_families',
  `insert into auth_agent.tokens (family, grant_id, organization_id, client_digest, user_id, server_id, resource, scopes, identity,
     auth_time, generation, superseded_at, replayed_generation, raced_generation, raced_run, sender_constrained,
     created_at, last_used_at, expires_at, max_expires_at, access_expires_at, revoked_at, revoked_reason)
   select name, name, 'org_root', 'client', 'usr_owner', $3, 'https://mcp.example.com', '{}', '{}',
     $2::timestamptz, generation, superseded_at, replayed, raced, raced_run, sender_constrained,
     $2::timestamptz, $2::timestamptz, $2::timestamptz + interval '1 day', $2::timestamptz + interval '1 year', $2::timestamptz, case when revoked then $2::timestamptz end, case when revoked then 'test' end
   from jsonb_to_recordset($1::jsonb) as families (name text, generation int, superseded_at timestamptz[], replayed int,
     raced int, raced_run int, sender_constrained boolean, revoked boolean)`,
)
const READ = statement<StateRow>(
  'test_read_families',
  `select family, generation, superseded_at, replayed_generation, raced_generation, raced_run, revoked_at is not null as revoked
   from auth_agent.tokens`,
)

function toRow({ family }: Case, index: number): object {
  return {
    name: String(index),
    generation: family.current + ZERO,
    // After the moments that matter come two that do not, the first of them by a hair.
    superseded_at: toDates([...family.supersededAt, -RACE_WINDOW, -3600]),
    replayed: plusZero(family.replayed),
    raced: plusZero(family.raced),
    raced_run: family.racedRun,
    sender_constrained: family.senderConstrained,
    revoked: family.revoked,
  }
}

function plusZero(generation: number | null): number | null {
  return generation === null ? null : generation + ZERO
}

function toDates(moments: readonly number[]): Date[] {
  return moments.map((at) => new Date(NOW + at * 1000))
}

/** What the statement must have made of the row. */
function toState({ family }: Presented, name: string): StateRow {
  return {
    family: name,
    generation: family.current + ZERO,
    superseded_at: toDates(family.supersededAt),
    replayed_generation: plusZero(family.replayed),
    raced_generation: plusZero(family.raced),
    raced_run: family.racedRun,
    revoked: family.revoked,
  }
}

function isInWindow(at: Date): boolean {
  return at.getTime() > NOW - RACE_WINDOW * 1000
}

// The current token of a grant for a server is asked for by a statement of its own.
const SET_UPS = [
  [15, 'srv_test'],
  [15, null],
  [18, 'srv_test'],
  [18, null],
] as const

describe.each(SET_UPS)('the statements on PostgreSQL %i, of a grant for %s', (version, server) => {
  let test: TestDatabase
  const cases = reachableCases()

  beforeAll(async () => {
    test = await createTestDatabase({ version })
    await test.database.runScript(`
      insert into auth_agent.users (id, email, email_verified_at, email_verified_by)
        values ('usr_owner', 'owner@example.com', now(), 'operator');
      insert into auth_agent.clients (digest, client_id, organization_id, source, metadata, created_at, updated_at)
        values ('client', 'cli_test', 'org_root', 'registered', '{}', now(), now());
      insert into auth_agent.mcp_servers (id, organization_id, server_url, canonical_url, canonical_origin, server_name, scopes,
        access_mode, created_at, updated_at)
        select 'srv_test', 'org_root', url, url, url, 'Files', '[]', 'everyone', now(), now()
        from (values ('https://mcp.example.com')) urls (url);`)
    await test.database.query(INSERT, [JSON.stringify(cases.map(toRow)), new Date(NOW), server])
  })
  afterAll(() => test.drop())

  it('decides and moves on exactly as the rule does, wherever it can be', async () => {
    expect(cases.length).toBeGreaterThan(5_000)
    const expected = cases.map(({ family, generation }) => present(family, generation, 0))
    expect(new Set(expected.map(({ outcome }) => outcome))).toEqual(
      new Set(['rotated', 'ahead', 'raced', 'repeated', 'theft', 'revoked']),
    )
    const outcomes: object[] = []
    await test.database.transaction(async (tx) => {
      const { presentRefreshToken } = tokenStorage(tx)
      for (const [index, { generation }] of cases.entries()) {
        const presentation = {
          family: String(index),
          generation: generation + ZERO,
          client_digest: CLIENT,
          presented_from: null,
          resource: null,
          scopes: null,
        }
        const answer = await presentRefreshToken(presentation, LIFETIMES, new Date(NOW))
        outcomes.push({ outcome: answer?.outcome, generation: answer?.generation })
      }
    })
    expect(outcomes).toEqual(
      expected.map(({ outcome, family }) => ({ outcome, generation: family.current + ZERO })),
    )
    const rows = (await test.database.query(READ)).toSorted((a, b) => Number(a.family) - Number(b.family))
    // What is outside of the window it may keep or forget.
    const states = rows.map((row) => ({ ...row, superseded_at: row.superseded_at.filter(isInWindow) }))
    expect(states).toEqual(expected.map((one, index) => toState(one, String(index))))
  })
})
