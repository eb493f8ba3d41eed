import { spawnSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SDK = join(dirname(dirname(fileURLToPath(import.meta.url))), 'sdk', 'typescript')

/** Builds the TypeScript SDK as it is published, which is what examples and interop tests import. */
export async function main(): Promise<void> {
  await rm(join(SDK, 'dist'), { recursive: true, force: true })
  const { status } = spawnSync('tsc', ['--project', join(SDK, 'tsconfig.build.json')], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error('The TypeScript SDK does not build (see above).')
}
