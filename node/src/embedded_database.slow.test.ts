import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  findPostmaster,
  readOrganizations,
  startEmbeddedProcess,
} from '../../tests/support/embedded_processes.ts'
import { makeFolder } from '../../tests/support/folders.ts'

vi.setConfig({ testTimeout: 90_000 })

/** Starts one and makes sure that it is gone when the test is over. */
async function start(dataDir: string) {
  const started = await startEmbeddedProcess(dataDir)
  onTestFinished(() => started.kill())
  return started
}

async function killPostmaster(dataDir: string): Promise<void> {
  const pid = await findPostmaster(dataDir)
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

describe('after kill -9', () => {
  it('of our process, its database is adopted and then stopped', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const first = await start(dataDir)
    const postmaster = await findPostmaster(dataDir)
    await first.kill()
    expect(await findPostmaster(dataDir)).toBe(postmaster)

    const second = await start(dataDir)
    expect(await findPostmaster(dataDir)).toBe(postmaster)
    await second.leave()
    expect(await findPostmaster(dataDir)).toBeUndefined()
  })

  it('of both, again and again, every acknowledged row is there', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const all = new Set<string>()
    for (let round = 0; round < 6; round += 1) {
      const writer = await start(dataDir)
      const acknowledged = writer.insert()
      await sleep(100 + 150 * round)
      // The order takes turns: which of them dies first must not matter.
      if (round % 2 === 0) await killPostmaster(dataDir)
      await writer.kill()
      await killPostmaster(dataDir)
      for (const id of acknowledged) all.add(id)
    }
    expect(all.size).toBeGreaterThan(100)
    const last = await start(dataDir)
    expect([...all].filter(lacking(await readOrganizations(last.url)))).toEqual([])
    await last.leave()
  })

  it('of PostgreSQL alone, those that use it start it again', async () => {
    const dataDir = join(await makeFolder(), 'data')
    const [first, second] = await Promise.all([start(dataDir), start(dataDir)])
    const before = await findPostmaster(dataDir)
    await killPostmaster(dataDir)
    await expect
      .poll(() => findPostmaster(dataDir), { timeout: 10_000 })
      .toSatisfy((pid) => pid && pid !== before)
    await expect
      .poll(() => readOrganizations(first.url).catch(() => undefined), { timeout: 10_000 })
      .toBeDefined()
    await first.leave()
    await second.leave()
    expect(await findPostmaster(dataDir)).toBeUndefined()
  })

  it('in the middle of the first start, the next one begins anew', async () => {
    for (let delay = 100; delay < 900; delay += 100) {
      const dataDir = join(await makeFolder(), 'data')
      const script = fileURLToPath(new URL('../../tests/support/embedded_process.ts', import.meta.url))
      const child = fork(script, [dataDir], { execArgv: [] })
      await sleep(delay)
      child.kill('SIGKILL')
      await once(child, 'exit')
      const next = await start(dataDir)
      expect(await readOrganizations(next.url)).toEqual(new Set())
      await next.leave()
    }
  })
})

function lacking(present: ReadonlySet<string>): (id: string) => boolean {
  return (id) => !present.has(id)
}
