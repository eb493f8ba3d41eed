import { getHeapSpaceStatistics } from 'node:v8'

/** What V8 collects only by looking through the whole heap; in bytes. */
function bytesOfOldObjects(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? 0
}

/** How many bytes became old while each of `steps` was done. */
export async function bytesGrownOld(steps: number, step: (index: number) => unknown): Promise<number> {
  let grown = 0
  for (let index = 0; index < steps; index += 1) {
    const before = bytesOfOldObjects()
    await step(index)
    grown += Math.max(0, bytesOfOldObjects() - before)
  }
  return grown
}
