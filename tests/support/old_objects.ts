import { getHeapSpaceStatistics } from 'node:v8'

/**
 * How many bytes became old in each of `steps`: what V8 collects only by looking through the whole heap. When it collects young garbage,
 * what was made before and is still in use becomes old as well, in a single step.
 */
export async function bytesGrownOld(
  steps: number,
  step: (index: number) => unknown,
): Promise<readonly number[]> {
  const grown: number[] = []
  for (let index = 0; index < steps; index += 1) {
    const before = bytesOfOldObjects()
    await step(index)
    grown.push(Math.max(0, bytesOfOldObjects() - before))
  }
  return grown
}

function bytesOfOldObjects(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}
