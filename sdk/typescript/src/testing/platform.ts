import type { Platform } from '../platform.ts'

/** Surroundings that a test moves: both clocks stand still, and chance is none. */
export interface TestPlatform extends Platform {
  /** Seconds since the epoch, of the wall clock and of the one that is never set. */
  seconds: number
  warnings: string[]
}

export function createTestPlatform(
  fetch: Platform['fetch'],
  overrides: Partial<Pick<TestPlatform, 'hasBackground' | 'outlivesRequests' | 'seconds'>> = {},
): TestPlatform {
  const platform: TestPlatform = {
    seconds: 1_764_000_000,
    warnings: [],
    fetch,
    now: () => platform.seconds * 1000,
    elapsed: () => platform.seconds * 1000,
    random: () => 0,
    hasBackground: false,
    outlivesRequests: true,
    warn: (message) => void platform.warnings.push(message),
    ...overrides,
  }
  return platform
}

/** Lets go on what waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
