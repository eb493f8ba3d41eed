import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runWrangler } from './wrangler.ts'

/** As somebody does who types `node scripts/…`: with no program of ours on the PATH, and from another folder. */
function runScript(name: string, ...args: readonly string[]) {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd: tmpdir(),
    env: { ...process.env, PATH: '/usr/bin:/bin', NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('wrangler', () => {
  it('is found by a script that is started by hand', () => {
    const { status, stdout, stderr } = runScript('bundle_workers.ts')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^The Worker: \d+ KiB, compressed \d+ KiB of 1024 KiB\.\n$/)
  })

  it('is not asked before it is said which environment is deployed', () => {
    const { status, stderr } = runScript('deploy_workers.ts')
    expect([status, stderr]).toEqual([1, 'Name the environment: staging, or production.\n'])
  })

  it('that fails is told of with what it said', () => {
    expect(() => runWrangler('pipe', 'deploy', '--config', 'nowhere.jsonc')).toThrow(
      /^wrangler deploy failed: .*nowhere\.jsonc/s,
    )
  })

  it('that cannot be started is told of with the reason', () => {
    expect(() => runWrangler('pipe', 'x'.repeat(4_000_000))).toThrow(/failed: .*(E2BIG|ENAMETOOLONG)/)
  })
})
