import { findChromium } from './chromium.ts'
import { preparePython } from './python_environment.ts'
import { runPythonTests } from './python_tests.ts'
import type { Count } from './test_count.ts'
import { findValkey } from './valkey.ts'
import { runVitest } from './vitest_tests.ts'

/**
 * Runs every suite and prints the sum as the very last line. Arguments after the command narrow the run down to
 * the files of vitest that match. Nothing may be skipped: what could not run has not passed.
 */
export async function main([command, ...filters]: readonly string[]): Promise<void> {
  const counts = await runSuites(command === 'test:fast', filters).catch((error: unknown): Count[] => {
    console.error(error instanceof Error ? error.message : error)
    return [{ passed: 0, failed: 1, skipped: 0 }]
  })
  const passed = sum(counts, 'passed')
  const skipped = sum(counts, 'skipped')
  const failed = sum(counts, 'failed') + skipped
  if (skipped > 0) console.error(`${skipped} tests were skipped; each counts as failed.`)
  if (passed + failed === 0) console.error('No test ran.')
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = passed > 0 && failed === 0 ? 0 : 1
}

async function runSuites(fast: boolean, filters: readonly string[]): Promise<Count[]> {
  if (fast) return runVitest(filters, { TEST_FAST: 'true' })
  // Found, and where need be installed, once before several test files look for it at the same time.
  const python = await preparePython()
  const programs = {
    CHROMIUM_PATH: await findChromium(),
    PYTHON_PATH: python,
    VALKEY_PATH: await findValkey(python),
  }
  const vitest = await runVitest(filters, programs)
  return filters.length > 0 ? vitest : [...vitest, await runPythonTests()]
}

function sum(counts: readonly Count[], key: keyof Count): number {
  return counts.reduce((total, count) => total + count[key], 0)
}
