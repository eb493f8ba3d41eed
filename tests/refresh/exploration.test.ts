import { describe, expect, it } from 'vitest'
import * as broken from './broken_rules.ts'
import { explore, type Property } from './exploration.ts'
import { present, RACED_RUN_OF_THEFT, type Rule } from './rule.ts'
import type { Cast, World } from './world.ts'

const OWNER: Cast = {
  rule: present,
  processes: 2,
  thief: false,
  losses: true,
  races: true,
  maxInWindow: 4,
  history: 'losses',
}
/** Everything at once, as far as it is finite. */
const EVERYBODY: Cast = { ...OWNER, thief: true, maxInWindow: 3, history: 'none' }
const SLOW: Cast = { ...OWNER, thief: true, races: false, history: 'thefts' }
/** Owner and thief at any pace; the owner refreshes once a window, as clients do, and the thief as often as he likes. */
const ANY_PACE: Cast = { ...SLOW, processes: 1, losses: false, races: true, maxInWindow: 1 }

const staysSignedIn: Property = ({ outcome, world }) => outcome !== 'theft' || world.history.lostTwoInARow

const isRunOfRaces = ({ family }: World): boolean => family.racedRun >= RACED_RUN_OF_THEFT - 1

/** The thief holds nothing that gets an answer, at once or when the race window is over. */
const isThiefOut = (rule: Rule, { family, stolen, now }: World, waits: readonly number[]): boolean =>
  family.revoked ||
  waits.every((wait) => stolen.every((one) => rule(family, one, now + wait).answer === null))

const isOutAfter =
  (presentations: number, waits: readonly number[], rule: Rule = present): Property =>
  ({ world }) =>
    (world.history.ownerSince ?? 0) < presentations || isThiefOut(rule, world, waits)

const staysRevoked: Property = ({ world, answered }, before) =>
  !before.family.revoked || (world.family.revoked && !answered)

const movesForward: Property = ({ outcome, world }, before) =>
  outcome !== 'ahead' || world.family.current > before.family.current

const holds = { counterExample: undefined }

describe('a lost response never logs the owner out unless the next generation’s response is lost too', () => {
  it('with one process', () => {
    expect(explore({ ...OWNER, processes: 1 }, staysSignedIn)).toMatchObject(holds)
  })

  it('with a second process, but for five races in a row', () => {
    const property: Property = (step, before) => staysSignedIn(step, before) || isRunOfRaces(before)
    expect(explore(OWNER, property)).toMatchObject(holds)
  })

  it('with a second process and a key of its own, without exception', () => {
    // It may even lose as many as it likes, one after the other.
    const property: Property = ({ outcome }, before) =>
      outcome !== 'theft' || before.store < before.family.current - 1
    expect(explore({ ...OWNER, history: 'none', senderConstrained: true }, property)).toMatchObject(holds)
  })
})

describe('a thief', () => {
  it('is out after two presentations by the owner, where none falls into the race window', () => {
    expect(explore(SLOW, isOutAfter(2, [3600]))).toMatchObject(holds)
  })

  it('is not out after one', () => {
    expect(explore(SLOW, isOutAfter(1, [3600])).counterExample).toBeDefined()
  })

  it('who keeps step inside and outside of the window, as he likes, is out after ten', () => {
    expect(explore(ANY_PACE, isOutAfter(10, [0, 3600]))).toMatchObject(holds)
  })

  it('gains five for each further refresh of the owner within one window', () => {
    expect(explore({ ...ANY_PACE, maxInWindow: 2 }, isOutAfter(15, [0, 3600]))).toMatchObject(holds)
  })
})

describe('a revoked family', () => {
  it.each([false, true])('never yields a token again (bound to a key: %s)', (senderConstrained) => {
    const { worlds, counterExample } = explore({ ...EVERYBODY, senderConstrained }, staysRevoked)
    expect(counterExample).toBeUndefined()
    expect(worlds).toBeGreaterThan(10_000)
  })
})

describe('an authentic generation ahead of the row, because the database was restored', () => {
  const RESTORED: Cast = { ...OWNER, restores: true, history: 'none', maxInWindow: 1 }

  it('moves it forward', () => {
    expect(explore(RESTORED, movesForward)).toMatchObject(holds)
  })

  it('is served', () => {
    const property: Property = ({ outcome, answered }, before) =>
      before.store <= before.family.current || outcome === undefined || answered
    expect(explore({ ...RESTORED, processes: 1, maxInWindow: 2 }, property)).toMatchObject(holds)
  })

  it('logs nobody out either whose response is lost', () => {
    const cast: Cast = { ...RESTORED, processes: 1, maxInWindow: 2, history: 'losses' }
    expect(explore(cast, staysSignedIn)).toMatchObject(holds)
  })
})

describe('the exploration finds the fault of', () => {
  const find = (cast: Cast, property: Property, rule: Rule) =>
    explore({ ...cast, rule }, property).counterExample

  it('theft at once: a lost response logs the owner out', () => {
    expect(find(OWNER, staysSignedIn, broken.theftAtOnce)).toEqual([
      'process 0 presents the current token: rotated',
      'process 1 presents the token 1 behind: theft',
    ])
  })

  it('a fixed grace: a response that was lost for longer logs the owner out', () => {
    expect(find({ ...OWNER, processes: 1 }, staysSignedIn, broken.fixedGrace)).toEqual([
      'process 0 presents the current token: rotated',
      'process 0 gets no answer',
      'an hour passes',
      'process 0 presents the token 1 behind: theft',
    ])
  })

  it('simply until the successor has been used: a thief keeps step for ever', () => {
    const { untilSuccessorUsed: rule } = broken
    expect(find(SLOW, isOutAfter(20, [3600], rule), rule)).toBeDefined()
  })

  it('races without a limit: a thief keeps step inside of the window', () => {
    const { racesWithoutLimit: rule } = broken
    expect(find(ANY_PACE, isOutAfter(20, [0, 3600], rule), rule)).toBeDefined()
  })

  it('a run of races that a replay interrupts: a thief keeps step by both in turn', () => {
    const { racesInterruptedByAnything: rule } = broken
    const events = find(ANY_PACE, isOutAfter(20, [0, 3600], rule), rule)?.join('\n')
    expect(events).toContain('raced')
    expect(events).toContain('repeated')
  })

  it('a revocation that is forgotten', () => {
    expect(find(EVERYBODY, staysRevoked, broken.forgetfulRevocation)).toBeDefined()
  })

  it.each([
    ['theft when the database was restored', broken.aheadIsTheft],
    ['a restored row that stays behind', broken.aheadIsForgotten],
  ])('%s', (_, rule) => {
    const restored: Cast = { ...OWNER, processes: 1, restores: true, maxInWindow: 2 }
    const property: Property = (step, before) => staysSignedIn(step, before) && movesForward(step, before)
    expect(find(restored, property, rule)).toBeDefined()
  })
})
