import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Count } from './test_count.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SDK = join(ROOT, 'sdk', 'python')
const ENVIRONMENT = join(ROOT, '.tools', 'python')
/** Of Python 3; as `requires-python` says. */
const OLDEST_MINOR = 10

/** What is checked once, beside the tests; each counts as one. */
const CHECKS = [
  ['ruff', 'check', '.'],
  ['ruff', 'format', '--check', '.'],
  ['mypy', '--strict'],
]

interface Python {
  readonly program: string
  readonly minor: number
}

/**
 * Runs the tests of the Python SDK and its checks, in a virtual environment of their own, which is made where it is missing;
 * and the tests once more on the oldest Python that is supported, where there is one on this machine.
 */
export async function runPythonTests(): Promise<Count> {
  if (!existsSync(join(SDK, 'pyproject.toml'))) return { passed: 0, failed: 0, skipped: 0 }
  const { usual, oldest } = findPythons()
  const python = await prepareEnvironment(usual, ENVIRONMENT)
  const counts = [await runPytest(python, ENVIRONMENT), ...CHECKS.map((check) => runCheck(python, check))]
  if (oldest) {
    const environment = `${ENVIRONMENT}-3.${oldest.minor}`
    counts.push(await runPytest(await prepareEnvironment(oldest, environment), environment))
  }
  return counts.reduce((sum, count) => ({
    passed: sum.passed + count.passed,
    failed: sum.failed + count.failed,
    skipped: sum.skipped + count.skipped,
  }))
}

async function runPytest(python: string, environment: string): Promise<Count> {
  const report = join(environment, 'report.xml')
  await rm(report, { force: true })
  const args = ['-m', 'pytest', `--junitxml=${report}`]
  const { status } = spawnSync(python, args, { cwd: SDK, stdio: 'inherit' })
  return countJunit(await readFile(report, 'utf8').catch(() => ''), status ?? 1)
}

function runCheck(python: string, [module = '', ...args]: readonly string[]): Count {
  const { status } = spawnSync(python, ['-m', module, ...args], { cwd: SDK, stdio: 'inherit' })
  if (status !== 0) console.error(`${module} ${args.join(' ')} failed in sdk/python (see above).`)
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/** Adds up the attributes of every `<testsuite>` of a JUnit report. */
export function countJunit(xml: string, status: number): Count {
  const count: Count = { passed: 0, failed: 0, skipped: 0 }
  for (const [suite] of xml.matchAll(/<testsuite\b[^>]*>/g)) {
    const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0)
    const failed = number('failures') + number('errors')
    count.failed += failed
    count.skipped += number('skipped')
    count.passed += number('tests') - failed - number('skipped')
  }
  if (status !== 0 && count.failed === 0) count.failed = 1
  return count
}

async function prepareEnvironment({ program, minor }: Python, environment: string): Promise<string> {
  const isWindows = process.platform === 'win32'
  const python = join(environment, isWindows ? 'Scripts' : 'bin', isWindows ? 'python.exe' : 'python')
  const hash = createHash('sha256')
    .update(await readFile(join(SDK, 'pyproject.toml')))
    .update(`${minor}`)
    .digest('hex')
  const stamp = join(environment, '.installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash && existsSync(python)) return python
  console.error(`Preparing an environment of Python 3.${minor} for the SDK …`)
  await mkdir(environment, { recursive: true })
  run(program, ['-m', 'venv', '--clear', environment])
  run(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--editable',
    `${SDK}[test]`,
  ])
  await writeFile(stamp, hash)
  return python
}

/** The Python of this machine, and, where that is a newer one, the oldest that we support. */
function findPythons(): { readonly usual: Python; readonly oldest: Python | undefined } {
  const usual = ['python3', 'python'].map(probePython).find((python) => python !== undefined)
  if (!usual)
    throw new Error('The tests of the Python SDK need Python 3.10 or newer: install it and try again.')
  const oldest = [`python3.${OLDEST_MINOR}`, ...findPyenvPythons()]
    .map(probePython)
    .find((python) => python?.minor === OLDEST_MINOR && python.minor < usual.minor)
  return { usual, oldest }
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
