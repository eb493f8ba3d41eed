import { setTimeout as sleep } from 'node:timers/promises'
import { Unclear, Wrong } from '../load_balancer.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

/** Somebody who does the same thing again and again, each time a little differently. */
export interface VirtualUser {
  name: string
  round(): Promise<void>
}

/** Makes the user of this number. */
export type MakeUser = (world: World, random: Random, number: number) => Promise<VirtualUser>

/** Lets a user live. What goes wrong is in the figures, and he begins with something else. */
export async function live(
  user: VirtualUser,
  world: World,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await user.round().catch((error: unknown) => {
      if (error instanceof Unclear || error instanceof Wrong) return
      world.figures.report('Somebody met what he did not expect.', { user: user.name, error })
    })
    await sleep(random.between(0, 40))
  }
}
