import { configDefaults, defineConfig } from 'vitest/config'

const fast = process.env['TEST_FAST'] === 'true'

/** `npm test` runs everything, `npm run test:fast` leaves out files named *.slow.test.ts. */
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx' } },
  test: {
    include: ['{server,node,workers,cli,sdk/typescript,tests,scripts,examples}/**/*.test.{ts,tsx}'],
    exclude: [...configDefaults.exclude, '**/generated/**', ...(fast ? ['**/*.slow.test.*'] : [])],
    globalSetup: ['tests/support/global_setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A machine may be busy; nothing is asserted of how long a thing takes.
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // A test that is left out by accident would look like one that passed.
    allowOnly: process.env['CI'] !== 'true',
  },
})
