import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The newest release. Its number is none that a Go module with `/v2` in its path may have, so it is built from its repository. */
const RELEASE = 'v26.2.0'
const REPOSITORY = 'https://github.com/ory/hydra.git'

/** The newest that there is as a module, from January 2025: where the repository cannot be reached. */
const MODULE = 'v2.3.0'
/** The replacement that the go.mod of the module has for itself; those of a dependency do not count. */
const POP = 'github.com/ory/pop/v6@v6.2.1-0.20241121111754-e5dfc0f3344b'

const FOLDER = fileURLToPath(new URL('../../../../.bench/hydra/', import.meta.url))
/** A checkout of the release; one that was laid there by hand is built as it is. */
const SOURCE = join(FOLDER, 'source')

const run = promisify(execFile)

/** The program, once it is built; the release rather than the module. */
export function findBinary(): { path: string; version: string } {
  const version = [RELEASE, MODULE].find((candidate) => existsSync(binaryPath(candidate))) ?? RELEASE
  return { path: binaryPath(version), version }
}

/** Builds it, once. */
export async function buildHydra(): Promise<void> {
  if (existsSync(findBinary().path)) return
  await mkdir(FOLDER, { recursive: true })
  await (existsSync(SOURCE) || (await cloneRelease()) ? buildRelease() : buildModule())
}

/** A network that lets nothing through may let it wait. In milliseconds. */
const PATIENCE = 300_000

async function cloneRelease(): Promise<boolean> {
  const args = ['clone', '--quiet', '--depth', '1', '--branch', RELEASE, REPOSITORY, SOURCE]
  const env = { ...process.env, GIT_TERMINAL_PROMPT: '0' }
  return run('git', args, { env, timeout: PATIENCE }).then(
    () => true,
    () => false,
  )
}

async function buildRelease(): Promise<void> {
  await goBuild(SOURCE, '.', RELEASE)
}

async function buildModule(): Promise<void> {
  const folder = join(FOLDER, 'module')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'go.mod'), 'module bench\n\ngo 1.26\n')
  await go(folder, 'get', '-tool', `github.com/ory/hydra/v2@${MODULE}`)
  await go(folder, 'mod', 'edit', '-replace', `github.com/gobuffalo/pop/v6=${POP}`)
  await go(folder, 'mod', 'tidy')
  await goBuild(folder, 'github.com/ory/hydra/v2', MODULE)
}

async function goBuild(folder: string, what: string, version: string): Promise<void> {
  const path = binaryPath(version)
  // Under another name until it is whole.
  await go(folder, 'build', '-o', `${path}.part`, what)
  await rename(`${path}.part`, path)
}

async function go(folder: string, ...args: string[]): Promise<void> {
  await run('nice', ['go', ...args], { cwd: folder, maxBuffer: 64 * 1024 * 1024 })
}

function binaryPath(version: string): string {
  return join(FOLDER, `hydra-${version}`)
}
