import { beforeEach, describe, expect, it } from 'vitest'
import type { DenialPage, DenialRow, DenialStorage } from '../storage/denials.ts'
import { createDenials, type Denials } from './denials.ts'

const SECOND = 1_000
const CLAIMS = {
  jti: 'j',
  iat: 1_000,
  sub: 'usr_a',
  aud: 'https://mcp.example.com',
  client_id: 'cli_a',
  grant_id: 'g',
}

let now: number
let cursors: string[]
/** What the database answers next. */
let answer: () => Promise<DenialPage>
let denials: Denials

beforeEach(() => {
  now = 1_000 * SECOND
  cursors = []
  answer = async () => ({ cursor: String(cursors.length), run: 'a run', isComplete: false, denials: [] })
  denials = createDenials(
    {
      readDenials: async (cursor) => {
        cursors.push(cursor)
        return answer()
      },
      recordDenial: async () => {},
    },
    700,
    () => now,
  )
})

function row(kind: DenialRow['kind'], subject: string, change: Partial<DenialRow> = {}): DenialRow {
  const cutoff = kind === 'token' || kind === 'grant' ? null : new Date(1_000 * SECOND)
  const expires_at = new Date(now + 3_600 * SECOND)
  return { organization_id: 'org_root', kind, subject, server_id: null, cutoff, expires_at, ...change }
}

const away = async () => {
  throw new Error('The database is away.')
}

describe('of many denials a node reads', () => {
  const PAGES = 5
  let asked: (string | undefined)[]

  beforeEach(() => {
    asked = []
    const readDenials: DenialStorage['readDenials'] = async (_cursor, _now, _run, after) => {
      asked.push(after?.id)
      const number = Number(after?.id ?? 0) + 1
      const denial = { ...row('grant', `g${number}`), id: String(number), transaction_id: '1' }
      const last = number < PAGES ? denial : undefined
      return { cursor: String(100 + number), run: 'a run', isComplete: true, denials: [denial], last }
    }
    denials = createDenials({ readDenials, recordDenial: async () => {} }, 700, () => now)
  })

  it('all pages before it answers anybody, whoever else asks meanwhile, and each once', async () => {
    const everybody = Array.from({ length: 10 }, async () => {
      await denials.refresh()
      return denials.size
    })
    expect(await Promise.all(everybody)).toEqual(Array(10).fill(PAGES))
    expect(asked).toEqual([undefined, '1', '2', '3', '4'])
  })

  it('as many as can be waited for, and the next one who asks reads on', async () => {
    const take = denials.isTokenDenied.bind(denials)
    const slow = denials.refresh()
    now += 4 * SECOND
    await expect(slow).rejects.toThrow('cannot be checked')
    expect(asked).toEqual([undefined])
    expect(take({ ...CLAIMS, grant_id: 'g1' })).toBe(true)
    await denials.refresh()
    expect(asked.slice(0, PAGES)).toEqual([undefined, '1', '2', '3', '4'])
    expect(denials.size).toBe(PAGES)
  })

  it('from the beginning where nobody has asked for long', async () => {
    const slow = denials.refresh()
    now += 4 * SECOND
    await expect(slow).rejects.toThrow('cannot be checked')
    now += 31 * SECOND
    await denials.refresh()
    expect(asked.slice(0, 3)).toEqual([undefined, undefined, '1'])
  })
})

describe('a node asks the database', () => {
  it('page by page, and anew where it started anew between two of them', async () => {
    const recorded = (subject: string) => ({ ...row('grant', subject), id: subject, transaction_id: '1' })
    const pages = [
      { cursor: '7', run: 'a run', isComplete: true, denials: [recorded('a')], last: recorded('a') },
      { cursor: '8', run: 'another run', isComplete: false, denials: [recorded('b')] },
      { cursor: '3', run: 'another run', isComplete: true, denials: [recorded('a')], last: recorded('a') },
      { cursor: '9', run: 'another run', isComplete: false, denials: [recorded('b')] },
      { cursor: '4', run: 'another run', isComplete: false, denials: [] },
    ]
    answer = async () => pages.shift() as DenialPage
    await expect(denials.refresh()).rejects.toThrow('cannot be checked')
    now += 2 * SECOND
    await denials.refresh()
    expect(denials.size).toBe(2)
    now += SECOND
    await denials.refresh()
    expect(cursors).toEqual(['0', '0', '0', '0', '3'])
  })

  it('at the first question for everything, and then for what is new', async () => {
    await denials.refresh()
    now += SECOND
    await denials.refresh()
    now += SECOND
    await denials.refresh()
    expect(cursors).toEqual(['0', '1', '2'])
  })

  it('when what it knows has its greatest age, and not before, however often it is asked', async () => {
    for (let request = 0; request < 140; request += 1) {
      await denials.refresh()
      now += 10
    }
    expect(cursors).toHaveLength(2)
    await denials.refresh()
    expect(cursors).toHaveLength(3)
  })

  it('once for all who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 100 }, () => denials.refresh()))
    expect(cursors).toHaveLength(1)
  })

  it('anew where the reading that is under way began longer ago than what it knows may be old', async () => {
    const works = answer
    const slow = Promise.withResolvers<void>()
    answer = () => slow.promise.then(works)
    const first = denials.refresh()
    now += 700
    const inTime = denials.refresh()
    now += 1
    const late = denials.refresh()
    answer = async () => ({
      ...(await works()),
      denials: [{ ...row('grant', 'g'), id: '1', transaction_id: '1' }],
    })
    slow.resolve()
    await Promise.all([first, inTime])
    expect(denials.isTokenDenied(CLAIMS)).toBe(false)
    await late
    expect(denials.isTokenDenied(CLAIMS)).toBe(true)
    expect(cursors).toHaveLength(2)
  })

  it('for everything again after a pause, and after a failure', async () => {
    await denials.refresh()
    now += 30 * SECOND
    await denials.refresh()
    expect(cursors).toEqual(['0', '0'])
    now += SECOND
    const works = answer
    answer = away
    await denials.refresh()
    now += SECOND
    answer = works
    await denials.refresh()
    expect(cursors).toEqual(['0', '0', '2', '0'])
  })
})

describe('while the database is away', () => {
  it('one request a second tries it, and the others go on at once', async () => {
    await denials.refresh()
    answer = away
    for (let request = 0; request < 100; request += 1) {
      now += 100
      await denials.refresh()
    }
    expect(cursors.length).toBeGreaterThan(9)
    expect(cursors.length).toBeLessThan(14)
  })

  it('nobody is let through who was not let through within the last 30 s', async () => {
    await denials.refresh()
    answer = away
    now += 30 * SECOND - 1
    await denials.refresh()
    now += 1
    await expect(denials.refresh()).rejects.toMatchObject({ code: 'temporarily_unavailable', status: 503 })
  })

  it('a node that has never read anything refuses', async () => {
    answer = away
    await expect(denials.refresh()).rejects.toMatchObject({ code: 'temporarily_unavailable' })
  })
})

describe('a token is denied', () => {
  it.each([
    ['token', 'j'],
    ['grant', 'g'],
    ['user', 'usr_a'],
    ['client', 'cli_a'],
    ['server', 'https://mcp.example.com'],
  ] as const)('by its %s', (kind, subject) => {
    expect(denials.isTokenDenied(CLAIMS)).toBe(false)
    denials.learn([row(kind, subject)])
    expect(denials.isTokenDenied(CLAIMS)).toBe(true)
  })

  it.each([
    ['token', 'other'],
    ['grant', 'other'],
    ['user', 'cli_a'],
    ['client', 'usr_a'],
    ['server', 'https://mcp.example.com/'],
    ['key', 'j'],
  ] as const)('not by another %s', (kind, subject) => {
    denials.learn([row(kind, subject)])
    expect(denials.isTokenDenied(CLAIMS)).toBe(false)
  })

  it('up to the cutoff, and not after it', () => {
    denials.learn([row('user', 'usr_a')])
    expect(denials.isTokenDenied({ ...CLAIMS, iat: 1_000 })).toBe(true)
    expect(denials.isTokenDenied({ ...CLAIMS, iat: 1_001 })).toBe(false)
  })

  it('by the latest of several cutoffs, in whatever order they come', () => {
    const [early, late] = [row('user', 'usr_a'), row('user', 'usr_a', { cutoff: new Date(2_000 * SECOND) })]
    denials.learn([late])
    denials.learn([early])
    expect(denials.isTokenDenied({ ...CLAIMS, iat: 1_999 })).toBe(true)
  })

  it('without a grant only by what it has', () => {
    const { grant_id: _, ...ofClient } = CLAIMS
    denials.learn([row('grant', 'undefined')])
    expect(denials.isTokenDenied(ofClient)).toBe(false)
  })

  it('until its denial expires, which is forgotten then', async () => {
    denials.learn([row('token', 'j', { expires_at: new Date(now + 120 * SECOND) })])
    for (let minute = 0; minute < 2; minute += 1) {
      expect(denials.isTokenDenied(CLAIMS)).toBe(true)
      now += 60 * SECOND
      await denials.refresh()
    }
    expect(denials.isTokenDenied(CLAIMS)).toBe(false)
  })

  it('for as long as the latest of several denials says', async () => {
    denials.learn([row('token', 'j', { expires_at: new Date(now + 600 * SECOND) })])
    denials.learn([row('token', 'j', { expires_at: new Date(now + 60 * SECOND) })])
    now += 300 * SECOND
    await denials.refresh()
    expect(denials.isTokenDenied(CLAIMS)).toBe(true)
  })

  it('by what comes from the database', async () => {
    const recorded = { ...row('grant', 'g'), id: '1', transaction_id: '1' }
    answer = async () => ({ cursor: '1', run: 'a run', isComplete: true, denials: [recorded] })
    await denials.refresh()
    expect(denials.isTokenDenied(CLAIMS)).toBe(true)
  })
})

describe('an API key', () => {
  it('is denied for good, whenever it was made', () => {
    denials.learn([row('key', 'key_a')])
    expect(denials.isKeyDenied('key_a')).toBe(true)
    expect(denials.isKeyDenied('key_b')).toBe(false)
  })
})
