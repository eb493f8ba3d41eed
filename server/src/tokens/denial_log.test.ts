import { beforeEach, describe, expect, it } from 'vitest'
import type { RecordedDenial } from '../storage/denials.ts'
import { DenialLog } from './denial_log.ts'

const NOW = 1_764_000_000_000
const OURS = { organization_id: 'org_a', server_id: 'srv_a' }

let log: DenialLog
let ids: number

beforeEach(() => {
  log = new DenialLog()
  ids = 0
})

function denial(
  transaction: number,
  change: Partial<RecordedDenial> & Pick<RecordedDenial, 'subject'>,
): RecordedDenial {
  ids += 1
  return {
    id: String(ids),
    transaction_id: String(transaction),
    organization_id: 'org_a',
    kind: 'grant',
    server_id: 'srv_a',
    cutoff: null,
    expires_at: new Date(NOW + 3_600_000),
    ...change,
  }
}

function read(cursor: number, denials: readonly RecordedDenial[], isComplete = false, run = 'a run'): void {
  log.add({ cursor: String(cursor), run, isComplete, denials })
}

/** What the follower is told, and the cursor that it goes on with. */
function ask(cursor?: string, now = NOW) {
  const news = log.newsFor(OURS, cursor, now)
  return { ...news, subjects: news.denials.map(({ subject }) => subject) }
}

describe('a follower', () => {
  it('gets everything at first, and then only what is new', () => {
    read(10, [denial(8, { subject: 'first' })], true)
    const first = ask()
    expect(first).toMatchObject({ isSnapshot: true, subjects: ['first'] })
    expect(ask(first.cursor)).toMatchObject({ isSnapshot: false, subjects: [] })
    read(12, [denial(11, { subject: 'second' })])
    expect(ask(first.cursor)).toMatchObject({ isSnapshot: false, subjects: ['second'] })
  })

  it('is told of no denial twice while a long transaction holds the cursor back', () => {
    read(5, [], true)
    const { cursor } = ask()
    const fast = denial(7, { subject: 'fast' })
    read(5, [fast])
    const told = ask(cursor)
    expect(told.subjects).toEqual(['fast'])
    read(5, [fast])
    expect(ask(told.cursor).subjects).toEqual([])
  })

  it('is told of a transaction that was overtaken', () => {
    read(5, [], true)
    const { cursor } = ask()
    const fast = denial(7, { subject: 'fast' })
    read(5, [fast])
    const told = ask(cursor)
    read(9, [denial(5, { subject: 'slow' }), fast])
    expect(ask(told.cursor).subjects).toContain('slow')
    expect(ask(ask(told.cursor).cursor).subjects).toEqual([])
  })

  it.each<[string, Partial<RecordedDenial>]>([
    ['another organisation', { organization_id: 'org_b' }],
    ['another server', { server_id: 'srv_b' }],
    ['a grant for none of the MCP servers', { server_id: null }],
    ['a token for none of the MCP servers', { kind: 'token', server_id: null }],
    ["a client, at another server's", { kind: 'client', server_id: 'srv_b' }],
    ['API keys', { kind: 'key' }],
  ])('is not told of %s', (_, change) => {
    read(5, [denial(4, { subject: 'theirs', ...change })], true)
    expect(ask().subjects).toEqual([])
  })

  it('is told of people and clients of the whole organisation', () => {
    const cutoff = new Date(NOW)
    const rows = [
      denial(4, { subject: 'usr_a', kind: 'user', server_id: null, cutoff }),
      denial(4, { subject: 'cli_a', kind: 'client', server_id: null, cutoff }),
    ]
    read(5, rows, true)
    expect(ask().subjects).toEqual(['usr_a', 'cli_a'])
  })

  it('is not told of what has expired', () => {
    read(5, [denial(4, { subject: 'old' })], true)
    expect(ask(undefined, NOW + 3_600_000).subjects).toEqual([])
    log.forgetExpired(NOW + 3_600_000)
    expect(ask(undefined, NOW).subjects).toEqual([])
  })

  it.each<[string, string]>([
    ['that is malformed', 'x'],
    ['that is empty', ''],
    ['from a database that was ahead of this one', `99.${NOW / 1000}.${'a'.repeat(22)}`],
    ['that is older than a minute', `5.${NOW / 1000 - 60}.${'a'.repeat(22)}`],
    ['of a node whose clock is ahead', `5.${NOW / 1000 + 60}.${'a'.repeat(22)}`],
  ])('with a cursor %s gets a snapshot', (_, cursor) => {
    read(5, [denial(4, { subject: 'one' })], true)
    const [, , , run] = ask().cursor.split('.')
    const whole = cursor.includes('.') ? `${cursor}.${run}` : cursor
    expect(ask(whole)).toMatchObject({ isSnapshot: true, subjects: ['one'] })
  })

  it('with a cursor of another run of the database gets a snapshot, whatever the numbers are by now', () => {
    read(10, [], true)
    const { cursor } = ask()
    read(12, [denial(8, { subject: 'with a number that was given before' })], true, 'another run')
    expect(log.isAhead(cursor)).toBe(true)
    expect(ask(cursor)).toMatchObject({
      isSnapshot: true,
      subjects: ['with a number that was given before'],
    })
  })
})

describe('the log', () => {
  it('forgets what a restored database does not know', () => {
    read(5, [denial(4, { subject: 'lost' })], true)
    read(3, [denial(2, { subject: 'kept' })], true)
    expect(ask().subjects).toEqual(['kept'])
  })

  it('knows a cursor of a node that has read more', () => {
    read(5, [], true)
    const { cursor } = ask()
    expect(log.isAhead(cursor)).toBe(false)
    const behind = new DenialLog()
    behind.add({ cursor: '4', run: 'a run', isComplete: true, denials: [] })
    expect(behind.isAhead(cursor)).toBe(true)
    expect(behind.isAhead(undefined)).toBe(false)
  })

  it('changes its version with what is new, and only then', () => {
    const row = denial(4, { subject: 'one' })
    read(5, [row], true)
    const { version } = log
    read(5, [row])
    expect(log.version).toBe(version)
    read(7, [denial(6, { subject: 'two' })])
    expect(log.version).toBeGreaterThan(version)
  })
})
