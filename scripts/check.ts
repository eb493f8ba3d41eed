import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { buildAssets } from './build.ts'
import { main as buildSdk } from './build_sdk.ts'

/** Folders whose imports are checked; those that do not exist yet are left out. */
const FOLDERS = [
  'server',
  'node',
  'workers',
  'cli',
  'sdk/typescript',
  'sdk/make_vectors',
  'examples',
  'tests',
  'scripts',
  'bench',
]

const CHECKS: readonly (readonly [string, ...string[]])[] = [
  ['biome', 'check', '--error-on-warnings', '.'],
  ['tsc', '--project', '.'],
  ['tsc', '--project', 'server/src/pages/browser'],
  ['node', 'sdk/make_vectors/main.ts', '--check'],
  ['depcruise', '--config', '.dependency-cruiser.cjs', ...FOLDERS.filter((folder) => existsSync(folder))],
]

/** Runs every check, also after one failed, and says which failed. */
export async function main(): Promise<void> {
  await buildAssets()
  await buildSdk()
  const failed = CHECKS.filter(([program, ...args]) => {
    const { status } = spawnSync(program, args, { stdio: 'inherit', shell: process.platform === 'win32' })
    return status !== 0
  })
  if (failed.length === 0) return
  console.error(
    `Failed: ${failed.map(([program, ...args]) => [program, ...args].slice(0, 3).join(' ')).join(', ')}`,
  )
  process.exit(1)
}
