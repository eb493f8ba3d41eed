/** Numbers that the same seed draws again. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
  /** Whole, from `low` to below `high`. */
  between(low: number, high: number): number
  isTrue(probability: number): boolean
  one<Item>(items: readonly Item[]): Item
  /** Another source, whose numbers do not depend on how many this one draws later. */
  fork(): Random
}

/** Mulberry32, by Tommy Ettinger: for drawing lots, not for secrets. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low))
  return {
    next,
    between,
    isTrue: (probability) => next() < probability,
    one<Item>(items: readonly Item[]) {
      if (items.length === 0) throw new Error('There is nothing to choose from.')
      return items[between(0, items.length)] as Item
    },
    fork: () => createRandom(between(0, 2 ** 32)),
  }
}
