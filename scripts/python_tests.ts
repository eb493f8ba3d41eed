import { spawnSync } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareOldestPython, preparePython } from './python_environment.ts'
import type { Count } from './test_count.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SDK = join(ROOT, 'sdk', 'python')
const EXAMPLE = join(ROOT, 'examples', 'filesystem-server')
/** Python that is no project of its own; it is held to the rules of the example. */
const LOOSE = [join(ROOT, 'tests'), join(ROOT, 'bench')]

/** What is checked beside the tests, and where; each counts as one. */
const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ...[SDK, EXAMPLE].flatMap((folder): [string, string[]][] => [
    [folder, ['ruff', 'check', '.']],
    [folder, ['ruff', 'format', '--check', '.']],
    [folder, ['mypy', '--strict']],
  ]),
  [EXAMPLE, ['ruff', 'check', '--config', 'pyproject.toml', ...LOOSE]],
  [EXAMPLE, ['ruff', 'format', '--check', '--config', 'pyproject.toml', ...LOOSE]],
]

/** Runs the tests and checks of what is in Python, and those of the SDK once more on the oldest Python there is. */
export async function runPythonTests(): Promise<Count> {
  const python = await preparePython()
  const counts = [
    await runPytest(python, SDK),
    await runPytest(python, EXAMPLE),
    ...CHECKS.map(([folder, check]) => runCheck(python, folder, check)),
  ]
  const oldest = await prepareOldestPython()
  if (oldest) counts.push(await runPytest(oldest, SDK))
  return counts.reduce((sum, count) => ({
    passed: sum.passed + count.passed,
    failed: sum.failed + count.failed,
    skipped: sum.skipped + count.skipped,
  }))
}

async function runPytest(python: string, folder: string): Promise<Count> {
  const report = join(tmpdir(), `auth-agent-pytest-${process.pid}.xml`)
  await rm(report, { force: true })
  const args = ['-m', 'pytest', `--junitxml=${report}`]
  const { status } = spawnSync(python, args, { cwd: folder, stdio: 'inherit' })
  const count = countJunit(await readFile(report, 'utf8').catch(() => ''), status ?? 1)
  await rm(report, { force: true })
  return count
}

function runCheck(python: string, folder: string, [module = '', ...args]: readonly string[]): Count {
  const { status } = spawnSync(python, ['-m', module, ...args], { cwd: folder, stdio: 'inherit' })
  if (status !== 0) console.error(`${module} ${args.join(' ')} failed in ${folder} (see above).`)
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
