import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { main as build } from './build.ts'
import { main as buildSdk } from './build_sdk.ts'
import { preparePython } from './python_environment.ts'

/**
 * Runs the benchmarks, or those whose names match, and prints what they measure. `--rows` and `--seconds` say how large
 * and how long, where a benchmark can be smaller or shorter.
 */
export async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rows: { type: 'string' }, seconds: { type: 'string' } },
  })
  const sizes = {
    ...(values.rows !== undefined && { ROWS: values.rows }),
    ...(values.seconds !== undefined && { SECONDS: values.seconds }),
  }
  await build()
  await buildSdk()
  const { status } = spawnSync('vitest', ['run', '--config', 'bench/vitest.config.ts', ...positionals], {
    env: { ...process.env, ...sizes, PYTHON_PATH: await preparePython() },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  process.exitCode = status ?? 1
}
