import { spawnSync } from 'node:child_process'
import { main as build } from './build.ts'
import { main as buildSdk } from './build_sdk.ts'
import { preparePython } from './python_environment.ts'

/** Runs the benchmarks, or those whose names match, and prints what they measure. */
export async function main(filters: readonly string[]): Promise<void> {
  await build()
  await buildSdk()
  const { status } = spawnSync('vitest', ['run', '--config', 'bench/vitest.config.ts', ...filters], {
    env: { ...process.env, PYTHON_PATH: await preparePython() },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  process.exitCode = status ?? 1
}
