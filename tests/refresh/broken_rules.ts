import { isInWindow, moveOn, present, RACED_RUN_OF_THEFT, type Rule, revoke } from './rule.ts'

/**
 * Rules that other servers have, and near misses of ours. Each must fail an exploration: a check that lets them pass
 * would check nothing.
 */

/** RFC 9700 §4.14.2 at its plainest: a token that comes twice is theft. */
export const theftAtOnce: Rule = (family, generation, now) =>
  family.revoked || generation >= family.current ? present(family, generation, now) : revoke(family)

/** A grace period: the predecessor is good for a minute, and theft from then on. */
export const fixedGrace: Rule = (family, generation, now) =>
  family.revoked || generation >= family.current || isInWindow(family, generation, now)
    ? present(family, generation, now)
    : revoke(family)

/** The predecessor is good until its successor has been used. */
export const untilSuccessorUsed: Rule = (family, generation, now) =>
  present({ ...family, replayed: null }, generation, now)

/** The race window without a limit on how often it is used. */
export const racesWithoutLimit: Rule = (family, generation, now) =>
  present({ ...family, racedRun: 0, raced: null }, generation, now)

/** Races in a row, where a generation that was passed over or replayed in between begins the count anew. */
export const racesInterruptedByAnything: Rule = (family, generation, now) => {
  const presented = present(family, generation, now)
  if (presented.outcome !== 'raced' && !isInWindow(family, generation, now)) {
    return { ...presented, family: { ...presented.family, raced: family.raced } }
  }
  const isNext = family.raced === generation - 1
  const isKnown = family.raced !== null && family.raced >= generation
  const racedRun = isKnown ? family.racedRun : isNext ? family.racedRun + 1 : 1
  if (family.revoked || generation >= family.current) return presented
  if (racedRun >= RACED_RUN_OF_THEFT && !family.senderConstrained) return revoke(family)
  const raced = Math.max(family.raced ?? generation, generation)
  return { outcome: 'raced', family: { ...family, raced, racedRun }, answer: family.current }
}

/** Revocation that is forgotten when the newest token comes. */
export const forgetfulRevocation: Rule = (family, generation, now) =>
  generation === family.current
    ? present({ ...family, revoked: false }, generation, now)
    : present(family, generation, now)

/** A generation ahead of the row counts as forged. */
export const aheadIsTheft: Rule = (family, generation, now) =>
  generation > family.current && !family.revoked ? revoke(family) : present(family, generation, now)

/** An ahead generation is served, and the row stays where it is. */
export const aheadIsForgotten: Rule = (family, generation, now) =>
  generation > family.current && !family.revoked
    ? { ...moveOn('ahead', family, generation, [now]), family }
    : present(family, generation, now)
