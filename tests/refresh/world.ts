import { type Family, isInWindow, newFamily, type Outcome, RACE_WINDOW, type Rule } from './rule.ts'

/** Who holds what, besides the family itself. */
export interface World {
  now: number
  family: Family
  /** The family as a restored database would have it, or null. */
  backup: Family | null
  /** The token that the owner has at rest, in a store that its processes share. */
  store: number
  /** For each of the owner's processes, the generation in the response that is under way to it, or null. */
  underWay: readonly (number | null)[]
  /** Generations that the thief holds, newest first. */
  stolen: readonly number[]
  /** What has happened so far, as far as a property asks for it. */
  history: History
}

export interface History {
  /** Generations whose response was lost once or more, newest first. */
  lost: readonly number[]
  /** Whether two generations in a row were lost. */
  lostTwoInARow: boolean
  /** Whether the thief has stolen for the last time. */
  theftsAreOver: boolean
  /** Different tokens that the owner presented since the thief's first use after that; null before it. */
  ownerSince: number | null
  /** The last of them. */
  ownerLast: number | null
}

/** Nobody counts further than this. */
export const MANY = 20

export interface Step {
  event: string
  /** The world after it. */
  world: World
  /** What the presentation was, where there was one. */
  outcome: Outcome | undefined
  /** Whether tokens were answered with. */
  answered: boolean
}

/** Which of the possible things may happen in an exploration, and how much of each. */
export interface Cast {
  rule: Rule
  processes: 1 | 2
  thief: boolean
  losses: boolean
  /** Whether anything may be presented while a race window is open. */
  races: boolean
  senderConstrained?: boolean
  /** Whether the database may be restored to what it was. */
  restores?: boolean
  /** The most generations that are superseded within one window. */
  maxInWindow: number
  /** What the property asks of the past. The less, the fewer worlds there are. */
  history: 'losses' | 'thefts' | 'none'
}

export function newWorld({ processes, senderConstrained }: Cast): World {
  return {
    now: 0,
    family: newFamily(senderConstrained),
    backup: null,
    store: 0,
    underWay: Array.from({ length: processes }, () => null),
    stolen: [],
    history: { lost: [], lostTwoInARow: false, theftsAreOver: false, ownerSince: null, ownerLast: null },
  }
}

/** Everything that can happen next. */
export function nextSteps(cast: Cast, world: World): Step[] {
  return [
    ...world.underWay.flatMap((_, process) => ownerSteps(cast, world, process)),
    ...(cast.thief ? thiefSteps(cast, world) : []),
    ...(cast.restores ? restoreSteps(world) : []),
    ...timeSteps(cast, world),
  ]
}

/** A process reads the store and presents what it found, or its response arrives, or is lost. */
function ownerSteps(cast: Cast, world: World, process: number): Step[] {
  const response = world.underWay[process] ?? null
  if (response === null) {
    if (!mayPresent(cast, world, world.store)) return []
    const { step, answer } = presentToken(cast, world, `process ${process} presents`, world.store)
    const history = countOwner(world)
    return [{ ...step, world: { ...step.world, underWay: world.underWay.with(process, answer), history } }]
  }
  const arrived = { ...world, underWay: world.underWay.with(process, null) }
  // It overwrites what is there, as clients do: a newer token that it replaces is lost.
  const stored = { ...arrived, store: response }
  const steps = [plain(`process ${process} stores`, lose(cast, stored, response + 1, world.store))]
  if (!cast.losses) return steps
  const lost = response > world.store ? lose(cast, arrived, response, response) : arrived
  return [...steps, plain(`process ${process} gets no answer`, lost)]
}

/** Copies the token at rest or any response under way, and presents any of its loot. */
function thiefSteps(cast: Cast, world: World): Step[] {
  const { history, stolen } = world
  const loot = [world.store, ...world.underWay].filter((one) => one !== null && !stolen.includes(one))
  const thefts = history.theftsAreOver
    ? []
    : loot.flatMap((generation) => {
        const after = { ...world, stolen: sorted([...stolen, generation as number]) }
        const last = { ...after, history: { ...history, theftsAreOver: true } }
        const theft = plain('the thief steals', after)
        return cast.history === 'thefts'
          ? [theft, plain('the thief steals for the last time', last)]
          : [theft]
      })
  const uses = stolen
    .filter((generation) => mayPresent(cast, world, generation))
    .map((generation) => {
      const { step, answer } = presentToken(cast, world, 'the thief presents', generation)
      const since = history.theftsAreOver ? (history.ownerSince ?? 0) : null
      const gained = answer === null ? stolen : sorted([...new Set([...stolen, answer])])
      return {
        ...step,
        world: { ...step.world, stolen: gained, history: { ...history, ownerSince: since } },
      }
    })
  return [...thefts, ...uses]
}

/** Keeps a copy of the family, or puts the copy in its place. */
function restoreSteps(world: World): Step[] {
  const { family, backup } = world
  const backUp = plain('the database is backed up', { ...world, backup: family })
  return backup === null
    ? [backUp]
    : [backUp, plain('the database is restored', { ...world, family: backup })]
}

/** Nothing is under way for as long as half a window: clients wait 30 s. */
function timeSteps(cast: Cast, world: World): Step[] {
  if (world.underWay.some((response) => response !== null)) return []
  if (!isAnyInWindow(world)) return []
  const later = plain('an hour passes', { ...world, now: world.now + 3600 })
  return cast.races ? [plain('35 s pass', { ...world, now: world.now + 35 }), later] : [later]
}

function mayPresent({ races, maxInWindow }: Cast, world: World, generation: number): boolean {
  if (!races) return !isAnyInWindow(world)
  const inWindow = world.family.supersededAt.filter((at) => at > world.now - RACE_WINDOW)
  return generation < world.family.current || inWindow.length < maxInWindow
}

function isAnyInWindow({ family, now }: World): boolean {
  return isInWindow(family, family.current - 1, now)
}

function presentToken(cast: Cast, world: World, who: string, generation: number) {
  const { family, outcome, answer } = cast.rule(world.family, generation, world.now)
  const behind = world.family.current - generation
  const which =
    behind === 0 ? 'the current token' : `the token ${Math.abs(behind)} ${behind > 0 ? 'behind' : 'ahead'}`
  const event = `${who} ${which}: ${outcome}`
  const step: Step = { event, world: { ...world, family }, outcome, answered: answer !== null }
  return { step, answer }
}

/** A token that is presented again because its answer was lost is no further presentation. */
function countOwner({ history, store }: World): History {
  if (history.ownerSince === null || history.ownerLast === store) return history
  return { ...history, ownerSince: Math.min(history.ownerSince + 1, MANY), ownerLast: store }
}

/** Generations that came to nobody, or that were overwritten. */
function lose(cast: Cast, world: World, from: number, to: number): World {
  if (cast.history !== 'losses' || from > to) return world
  const generations = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  const lost = sorted([...new Set([...world.history.lost, ...generations])])
  const inARow = lost.some((one) => lost.includes(one + 1))
  return {
    ...world,
    history: { ...world.history, lost, lostTwoInARow: world.history.lostTwoInARow || inARow },
  }
}

function plain(event: string, world: World): Step {
  return { event, world, outcome: undefined, answered: false }
}

function sorted(generations: readonly number[]): number[] {
  return generations.toSorted((a, b) => b - a)
}
