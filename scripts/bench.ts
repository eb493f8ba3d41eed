import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { main as build } from './build.ts'
import { main as buildSdk } from './build_sdk.ts'
import { preparePython } from './python_environment.ts'

/** What a benchmark may be told, each in the variable of the same name in capitals. */
const OPTIONS = {
  /** In the largest table. */
  rows: { type: 'string' },
  /** Of each turn. */
  seconds: { type: 'string' },
  /** Parts of the names of those who are compared, apart by commas, or by semicolons where a name has a comma. */
  subjects: { type: 'string' },
  /** The same of what they do. */
  works: { type: 'string' },
} as const

/**
 * Runs the benchmarks whose names match, and prints what they measure; the comparison with our peers where none is named, and each of
 * them for `all`. The options make one smaller or shorter that can be.
 */
export async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  const told = Object.entries(values).map(([name, value]) => [name.toUpperCase(), value])
  const names = positionals.length === 0 ? ['comparison.bench'] : positionals.filter((name) => name !== 'all')
  await build()
  await buildSdk()
  const { status } = spawnSync('vitest', ['run', '--config', 'bench/vitest.config.ts', ...names], {
    env: { ...process.env, ...Object.fromEntries(told), PYTHON_PATH: await preparePython() },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  process.exitCode = status ?? 1
}
