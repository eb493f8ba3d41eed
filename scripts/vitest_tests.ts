import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main as build } from './build.ts'
import { main as buildSdk } from './build_sdk.ts'
import type { Count } from './test_count.ts'

/** The part of vitest's JSON report that is counted. */
interface Report {
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

/** Those of `vitest.config.ts` run in Node, those of the other inside of workerd, whose modules it resolves in its own way. */
const CONFIGS = ['vitest.config.ts', 'tests/workers/vitest.config.ts']

/** Builds what tests need and runs the files of vitest that match (all without filters). */
export async function runVitest(filters: readonly string[], env: Record<string, string>): Promise<Count[]> {
  await build()
  await buildSdk()
  const counts: Count[] = []
  for (const config of CONFIGS) counts.push(await runConfig(config, filters, env))
  return counts
}

async function runConfig(
  config: string,
  filters: readonly string[],
  env: Record<string, string>,
): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), 'auth-agent-report-'))
  const file = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    // With filters either may have none; that both have none is noticed where they are summed up.
    const filtering = filters.length > 0 ? ['--passWithNoTests', ...filters] : []
    const args = ['run', '--config', config, ...reporters, ...filtering]
    const { status } = spawnSync('vitest', args, {
      env: { ...process.env, ...env },
      stdio: 'inherit',
      shell: process.platform === 'win32',
    })
    const report = await readFile(file, 'utf8').catch(() => '{"testResults":[]}')
    return countReport(JSON.parse(report) as Report, status ?? 1)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Counts tests; a file that failed before its first test, or a run that failed otherwise, is one failure. */
export function countReport({ testResults }: Report, status: number): Count {
  const count: Count = { passed: 0, failed: 0, skipped: 0 }
  for (const file of testResults) {
    const failedBefore = count.failed
    for (const test of file.assertionResults) {
      if (test.status === 'passed') count.passed += 1
      else if (test.status === 'failed') count.failed += 1
      else count.skipped += 1
    }
    if (file.status === 'failed' && count.failed === failedBefore) count.failed += 1
  }
  if (status !== 0 && count.failed === 0) count.failed = 1
  return count
}
