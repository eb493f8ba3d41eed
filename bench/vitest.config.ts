import { defineConfig } from 'vitest/config'

/** `npm run bench`: what it measures is printed, and nothing is asserted of how long a thing takes. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  test: {
    include: ['bench/**/*.bench.ts'],
    globalSetup: ['tests/support/global_setup.ts'],
    pool: 'forks',
    // What asks shall not collect garbage while it takes times.
    execArgv: ['--max-semi-space-size=64'],
    // One at a time: they would measure each other.
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
})
