import { readdir, readFile } from 'node:fs/promises'
import { it } from 'vitest'
import { grant, refresh, registerServer } from '../tests/support/flow.ts'
import type { TestServer } from '../tests/support/server.ts'
import { startTestWorker } from '../tests/workers/workerd.ts'

const TIMES = Number(process.env['REQUESTS'] ?? 300)

/**
 * What the processor does in workerd for a request, on this machine: all of the process, so that connections and HTTP
 * are in it, which the platform does not count. An estimate of what the platform would count, from above.
 */
it('estimates the processor time of a request in workerd', async () => {
  const worker = await startTestWorker()
  const server = worker as unknown as TestServer
  try {
    await registerServer(server)
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    const steps: [string, () => Promise<unknown>][] = [
      ['GET /health', () => server.fetch('/health').then((response) => response.text())],
      [
        'POST /token, refresh',
        async () => {
          token = (await refresh(server, granted, token)).body.refresh_token
        },
      ],
      ['a whole authorization with sign-in by password', () => grant(server, { clientId: granted.clientId })],
    ]
    for (const [what, step] of steps) {
      for (let warming = 0; warming < 30; warming += 1) await step()
      const before = await processorTime()
      for (let time = 0; time < TIMES; time += 1) await step()
      const each = ((await processorTime()) - before) / TIMES
      console.log(`${what}: ${each.toFixed(1)} ms of processor time in workerd (an estimate)`)
    }
  } finally {
    await worker.close()
  }
})

/** Of all workerd processes that descend from this one, in milliseconds. */
async function processorTime(): Promise<number> {
  let ticks = 0
  const isOurs = await descendants()
  for (const pid of isOurs) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (!stat.includes('(workerd)')) continue
    const [, , utime = 0, stime = 0] = /^(\S+ ){11}(\d+) (\d+)/.exec(stat.slice(stat.indexOf(') ') + 2)) ?? []
    ticks += Number(utime) + Number(stime)
  }
  // USER_HZ is 100 on every Linux that we know.
  return ticks * 10
}

async function descendants(): Promise<Set<number>> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : ''
    const [, parent] = /\) \S (\d+)/.exec(stat) ?? []
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const found = new Set([process.pid])
  for (let size = 0; size !== found.size; ) {
    size = found.size
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid)
  }
  return found
}
