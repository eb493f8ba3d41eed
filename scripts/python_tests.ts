import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Count } from './test_count.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SDK = join(ROOT, 'sdk', 'python')
const ENVIRONMENT = join(ROOT, '.tools', 'python')

/** Runs the tests of the Python SDK in a virtual environment of their own, which is made where it is missing. */
export async function runPythonTests(): Promise<Count> {
  if (!existsSync(join(SDK, 'pyproject.toml'))) return { passed: 0, failed: 0, skipped: 0 }
  const python = await prepareEnvironment()
  const report = join(ENVIRONMENT, 'report.xml')
  await rm(report, { force: true })
  const { status } = spawnSync(python, ['-m', 'pytest', `--junitxml=${report}`], {
    cwd: SDK,
    stdio: 'inherit',
  })
  return countJunit(await readFile(report, 'utf8').catch(() => ''), status ?? 1)
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

async function prepareEnvironment(): Promise<string> {
  const folder = process.platform === 'win32' ? 'Scripts' : 'bin'
  const python = join(ENVIRONMENT, folder, process.platform === 'win32' ? 'python.exe' : 'python')
  const hash = createHash('sha256')
    .update(await readFile(join(SDK, 'pyproject.toml')))
    .digest('hex')
  const stamp = join(ENVIRONMENT, '.installed')
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash && existsSync(python)) return python
  console.error('Preparing a Python environment for the SDK …')
  await mkdir(ENVIRONMENT, { recursive: true })
  run(findPython(), ['-m', 'venv', '--clear', ENVIRONMENT])
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

function findPython(): string {
  const isRecent = 'import sys; sys.exit(sys.version_info < (3, 10))'
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['-c', isRecent]).status === 0)
  if (!python)
    throw new Error('The tests of the Python SDK need Python 3.10 or newer: install it and try again.')
  return python
}

function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  if (status !== 0) throw new Error(`${program} ${args.slice(0, 2).join(' ')} failed (see above).`)
}
