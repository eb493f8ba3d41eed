import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the packages and the programs of a peer are, once they have been installed. */
export function installedFolder(peer: string): string {
  return fileURLToPath(new URL(`../../.bench/${peer}/`, import.meta.url))
}

/** Of a package that a peer has installed; it is pinned. */
export function versionOf(peer: string, name: string): string {
  const source = readFileSync(new URL(`./subjects/${peer}/package.json`, import.meta.url), 'utf8')
  const { dependencies } = JSON.parse(source) as { dependencies: Readonly<Record<string, string>> }
  return dependencies[name] ?? ''
}

/**
 * Copies the folder of a peer to where it runs, and installs what its lock file names, unless that has been done. The packages are kept
 * out of the root, since whoever works on the server needs none of them.
 */
export async function installPackages(peer: string): Promise<void> {
  const folder = installedFolder(peer)
  const source = fileURLToPath(new URL(`./subjects/${peer}/`, import.meta.url))
  await mkdir(folder, { recursive: true })
  await cp(source, folder, { recursive: true, filter: (path) => !path.endsWith('.ts') })
  const lock = await readFile(join(source, 'package-lock.json'), 'utf8')
  const installed = join(folder, 'node_modules/.installed-lock.json')
  if ((await readFile(installed, 'utf8').catch(() => '')) === lock) return
  await rm(join(folder, 'node_modules'), { recursive: true, force: true })
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  const [status] = await once(npm, 'exit')
  if (status !== 0) throw new Error(`npm ci failed in ${folder}.`)
  await writeFile(installed, lock)
}
