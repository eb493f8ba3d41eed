/**
 * The rule of refresh tokens as a pure function, written from the design and not from the SQL that implements it:
 * docs/refresh_tokens.md in another notation. Moments and lengths of time are in seconds.
 */

/** Clients wait 30 s for a refresh; a generation that comes again within this is raced. */
export const RACE_WINDOW = 60
/** This many generations in a row that are raced are theft. */
export const RACED_RUN_OF_THEFT = 5

/** A family of refresh tokens. */
export interface Family {
  current: number
  /** When current - 1, current - 2, … were superseded, newest first; none that lies outside of the window matters. */
  supersededAt: readonly number[]
  /** The newest generation that was given out again after its window. */
  replayed: number | null
  /** The newest generation that counts as raced, and how many in a row were. */
  raced: number | null
  racedRun: number
  revoked: boolean
  senderConstrained: boolean
}

export type Outcome = 'rotated' | 'ahead' | 'raced' | 'repeated' | 'theft' | 'revoked'

export interface Presented {
  outcome: Outcome
  family: Family
  /** The generation of the token that comes back; null where nothing does. */
  answer: number | null
}

/** What a rule is: the family, a generation of its tokens, and the moment decide everything. */
export type Rule = (family: Family, generation: number, now: number) => Presented

export function newFamily(senderConstrained = false): Family {
  return {
    current: 0,
    supersededAt: [],
    replayed: null,
    raced: null,
    racedRun: 0,
    revoked: false,
    senderConstrained,
  }
}

export const present: Rule = (family, generation, now) => {
  if (family.revoked) return { outcome: 'revoked', family, answer: null }
  if (generation === family.current)
    return moveOn('rotated', family, generation, [now, ...family.supersededAt])
  if (generation > family.current) return moveOn('ahead', family, generation, [now])
  if (isInWindow(family, generation, now)) return race(family, generation, now)
  const isLostResponse = generation === family.current - 1 && family.replayed !== generation - 1
  const isTolerated = generation === family.current - 1 && family.senderConstrained
  return isLostResponse || isTolerated ? repeat(family, generation) : revoke(family)
}

/** Whether a generation was superseded within the race window. */
export function isInWindow(family: Family, generation: number, now: number): boolean {
  const at = family.supersededAt[family.current - generation - 1]
  return at !== undefined && at > now - RACE_WINDOW
}

/** How many raced generations in a row there are with this one, and up to which. */
export function countRace(
  family: Family,
  generation: number,
  now: number,
): Pick<Family, 'raced' | 'racedRun'> {
  const { raced, racedRun } = family
  // The current token comes back, so what lies between is passed over, and counts with it.
  const upTo = family.current - 1
  if (raced === null) return { raced: upTo, racedRun: 1 }
  const from = Math.max(generation, raced + 1)
  if (from > upTo) return { raced, racedRun }
  if (from === raced + 1) return { raced: upTo, racedRun: racedRun + 1 }
  // The generation after the run may yet be raced, and then it goes on; once its window has passed, the run is over.
  return isInWindow(family, raced + 1, now) ? { raced, racedRun } : { raced: upTo, racedRun: 1 }
}

export function moveOn(
  outcome: 'rotated' | 'ahead',
  family: Family,
  generation: number,
  supersededAt: readonly number[],
): Presented {
  return { outcome, family: { ...family, current: generation + 1, supersededAt }, answer: generation + 1 }
}

function race(family: Family, generation: number, now: number): Presented {
  const counted = countRace(family, generation, now)
  if (counted.racedRun >= RACED_RUN_OF_THEFT && !family.senderConstrained) return revoke(family)
  return { outcome: 'raced', family: { ...family, ...counted }, answer: family.current }
}

function repeat(family: Family, generation: number): Presented {
  // A replay between two races is no undoubled generation: it neither counts nor ends their run.
  const raced = family.raced === generation - 1 ? generation : family.raced
  return { outcome: 'repeated', family: { ...family, raced, replayed: generation }, answer: family.current }
}

export function revoke(family: Family): Presented {
  return { outcome: 'theft', family: { ...family, revoked: true }, answer: null }
}
