import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const ENVIRONMENT = join(ROOT, '.tools', 'python')
/** What is installed: the SDK with what its tests need, and the example on it. */
const PACKAGES = [
  { folder: join(ROOT, 'sdk', 'python'), extras: '[test]' },
  { folder: join(ROOT, 'examples', 'filesystem-server'), extras: '' },
]
/** Of Python 3; as `requires-python` says. */
const OLDEST_MINOR = 10

interface Python {
  readonly program: string
  readonly minor: number
}

/** The Python of a virtual environment with the SDK and the example, which is made where it is missing. */
export function preparePython(): Promise<string> {
  return prepareEnvironment(findUsualPython(), ENVIRONMENT)
}

/** The same on the oldest Python that we support, where this machine has one that is not the usual. */
export async function prepareOldestPython(): Promise<string | undefined> {
  const usual = findUsualPython()
  const oldest = [`python3.${OLDEST_MINOR}`, ...findPyenvPythons()]
    .map(probePython)
    .find((python) => python?.minor === OLDEST_MINOR && python.minor < usual.minor)
  return oldest && prepareEnvironment(oldest, `${ENVIRONMENT}-3.${oldest.minor}`)
}

async function prepareEnvironment({ program, minor }: Python, environment: string): Promise<string> {
  const isWindows = process.platform === 'win32'
  const python = join(environment, isWindows ? 'Scripts' : 'bin', isWindows ? 'python.exe' : 'python')
  const projects = await Promise.all(PACKAGES.map(({ folder }) => readFile(join(folder, 'pyproject.toml'))))
  const hash = createHash('sha256')
    .update(Buffer.concat([...projects, Buffer.from(`${minor}`)]))
    .digest('hex')
  const stamp = join(environment, '.installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash && existsSync(python)) return python
  console.error(`Preparing an environment of Python 3.${minor} for the SDK …`)
  await mkdir(environment, { recursive: true })
  run(program, ['-m', 'venv', '--clear', environment])
  const editable = PACKAGES.flatMap(({ folder, extras }) => ['--editable', `${folder}${extras}`])
  run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...editable])
  await writeFile(stamp, hash)
  return python
}

function findUsualPython(): Python {
  const usual = ['python3', 'python'].map(probePython).find((python) => python !== undefined)
  if (!usual)
    throw new Error('The tests of the Python SDK need Python 3.10 or newer: install it and try again.')
  return usual
}

/** A program that is Python 3.10 or newer, and can make virtual environments. */
function probePython(program: string): Python | undefined {
  const probe =
    'import ensurepip, sys, venv; print(sys.version_info.minor if sys.version_info.major == 3 else 0)'
  const { status, stdout } = spawnSync(program, ['-c', probe], { encoding: 'utf8' })
  const minor = Number(stdout)
  return status === 0 && minor >= OLDEST_MINOR ? { program, minor } : undefined
}

/** Where pyenv keeps the versions of which one at a time is on the path. */
function findPyenvPythons(): string[] {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  if (!existsSync(versions)) return []
  const found = readdirSync(versions).filter((version) => version.startsWith(`3.${OLDEST_MINOR}.`))
  return found.map((version) => join(versions, version, 'bin', 'python'))
}

function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 2).join(' ')} failed (see above).`)
}
