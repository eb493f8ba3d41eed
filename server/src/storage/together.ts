import type { EndOfTurn } from '../end_of_turn.ts'

/** At the most as many go together, so that none waits for long. */
export const MOST_TOGETHER = 64

/**
 * Puts together what is asked for in one turn of the event loop, since the database takes for a statement about many little more than
 * for one about one. Without turns, each is asked for by itself, at once.
 *
 * @param ask answers in the order of the items; where it rejects, it does for all of them
 */
export function askTogether<Item, Answer>(
  endOfTurn: EndOfTurn | undefined,
  ask: (items: readonly Item[]) => Promise<readonly Answer[]>,
): (item: Item) => Promise<Answer> {
  if (endOfTurn === undefined) return async (item) => (await ask([item]))[0] as Answer
  let gathering: Gathering<Item, Answer> | undefined
  const begin = (end: EndOfTurn): Gathering<Item, Answer> => {
    const items: Item[] = []
    const answers = end().then(() => {
      if (gathering?.items === items) gathering = undefined
      return ask(items)
    })
    return { items, answers }
  }
  return async (item) => {
    if (gathering === undefined || gathering.items.length >= MOST_TOGETHER) gathering = begin(endOfTurn)
    const { items, answers } = gathering
    const index = items.push(item) - 1
    return (await answers)[index] as Answer
  }
}

/**
 * Finds rows by what names them: those that are looked for in one turn together, and each name once.
 *
 * @param nameOf what an item and the rows that it means have in common, as text
 * @param find the rows of all items, in any order
 */
export function findTogether<Key, Item extends Key, Row extends Key>(
  endOfTurn: EndOfTurn | undefined,
  nameOf: (key: Key) => string,
  find: (items: readonly [Item, ...Item[]]) => Promise<readonly Row[]>,
): (item: Item) => Promise<readonly Row[]> {
  return askTogether(endOfTurn, async (items) => {
    const [first, ...others] = new Map(items.map((item) => [nameOf(item), item])).values()
    const rows = Map.groupBy(first === undefined ? [] : await find([first, ...others]), nameOf)
    return items.map((item) => rows.get(nameOf(item)) ?? [])
  })
}

interface Gathering<Item, Answer> {
  items: Item[]
  answers: Promise<readonly Answer[]>
}
