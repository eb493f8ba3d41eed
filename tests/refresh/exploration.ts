import { type Family, isInWindow, RACE_WINDOW, RACED_RUN_OF_THEFT } from './rule.ts'
import { type Cast, newWorld, nextSteps, type Step, type World } from './world.ts'

export interface Exploration {
  /** How many worlds were reached. */
  worlds: number
  /** The events that lead to a world in which the property does not hold, or undefined where it always does. */
  counterExample: readonly string[] | undefined
}

/** What must hold after each step. */
export type Property = (step: Step, before: World) => boolean

interface Reached {
  world: World
  from: Reached | undefined
  event: string
}

/**
 * Visits every world that can be reached, whatever the order of events, and however many of them. That ends, because
 * only what can still make a difference tells two worlds apart.
 */
export function explore(
  cast: Cast,
  holds: Property,
  visit: (world: World) => void = () => {},
  maxWorlds = 1_000_000,
): Exploration {
  const start: Reached = { world: normalForm(newWorld(cast)), from: undefined, event: '' }
  const seen = new Set([keyOf(start.world)])
  const queue = [start]
  for (let next = 0; next < queue.length; next += 1) {
    const reached = queue[next] as Reached
    visit(reached.world)
    for (const step of nextSteps(cast, reached.world)) {
      if (!holds(step, reached.world)) {
        return { worlds: seen.size, counterExample: [...pathTo(reached), step.event] }
      }
      const world = normalForm(step.world)
      const key = keyOf(world)
      if (seen.has(key)) continue
      seen.add(key)
      if (seen.size > maxWorlds) throw new Error(`There are more than ${maxWorlds} worlds.`)
      queue.push({ world, from: reached, event: step.event })
    }
  }
  return { worlds: seen.size, counterExample: undefined }
}

function pathTo(reached: Reached): string[] {
  return reached.from === undefined ? [] : [...pathTo(reached.from), reached.event]
}

/** The current generation is 0 and the time is 0; what can make no difference any more is dropped. */
function normalForm(world: World): World {
  const { family, backup, now, history } = world
  const { current } = family
  const shift = (generation: number): number => generation - current
  const shiftOrNull = (generation: number | null): number | null =>
    generation === null ? null : shift(generation)
  const isLive = (generation: number): boolean =>
    generation >= current - 2 || isInWindow(family, generation, now)
  return {
    now: 0,
    family: normalFamily(family, now, current),
    // A backup from long ago is as good as none.
    backup: backup !== null && backup.current >= current - 3 ? normalFamily(backup, now, current) : null,
    // All tokens from long ago are alike.
    store: isLive(world.store) ? shift(world.store) : -99,
    underWay: world.underWay.map(shiftOrNull),
    stolen: world.stolen.filter(isLive).map(shift),
    history: {
      ...history,
      lost: history.lost.filter((generation) => generation >= current - 3).map(shift),
      ownerLast: history.ownerLast !== null && isLive(history.ownerLast) ? shift(history.ownerLast) : null,
    },
  }
}

function normalFamily(family: Family, now: number, zero: number): Family {
  const { current, raced, replayed } = family
  const mayGoOn = raced !== null && (raced + 1 >= current - 1 || isInWindow(family, raced + 1, now))
  return {
    ...family,
    current: current - zero,
    supersededAt: family.supersededAt.filter((at) => at > now - RACE_WINDOW).map((at) => at - now),
    replayed: replayed !== null && replayed >= current - 2 ? replayed - zero : null,
    raced: mayGoOn ? raced - zero : null,
    // Nobody counts further than this; a family that is bound to a key may go on for ever.
    racedRun: mayGoOn ? Math.min(family.racedRun, RACED_RUN_OF_THEFT) : 0,
  }
}

function keyOf({ family, backup, store, underWay, stolen, history }: World): string {
  const families = [family, backup].map((one) => one && Object.values(one))
  return JSON.stringify([families, store, underWay, stolen, Object.values(history)])
}
