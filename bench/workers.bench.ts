import { readdir, readFile } from 'node:fs/promises'
import { it } from 'vitest'
import { hashPassword } from '../server/src/sign_in/password_hash.ts'
import { grant, refresh, registerServer } from '../tests/support/flow.ts'
import type { TestServer } from '../tests/support/server.ts'
import { startTestWorker, type TestWorker } from '../tests/workers/workerd.ts'

const TIMES = Number(process.env['REQUESTS'] ?? 300)

/**
 * What the processor does in workerd for a request, on this machine: all of the process, so that connections and HTTP
 * are in it, which the platform does not count. An estimate of what the platform would count, from above.
 */
it('estimates the processor time of a request in workerd', async () => {
  const worker = await startTestWorker()
  const server = fromManyAddresses(worker)
  try {
    await registerServer(server)
    const granted = await grant(server)
    let token = granted.tokens.refresh_token
    const steps: [string, () => Promise<unknown>, number][] = [
      [
        'GET /health, which does nothing',
        () => server.fetch('/health').then((response) => response.text()),
        TIMES,
      ],
      [
        'POST /token, refresh',
        async () => {
          token = (await refresh(server, granted, token)).body.refresh_token
        },
        TIMES,
      ],
      [
        'a whole authorization, six requests, one of them a sign-in by password',
        () => grant(server, { clientId: granted.clientId }),
        20,
      ],
    ]
    for (const [what, step, times] of steps) {
      for (let warming = 0; warming < times / 5; warming += 1) await step()
      const before = await processorTime()
      for (let time = 0; time < times; time += 1) await step()
      const each = ((await processorTime()) - before) / times
      console.log(`${what}: ${each.toFixed(1)} ms of processor time in workerd (an estimate)`)
    }
  } finally {
    await worker.close()
  }
})

it('estimates what a password costs', async () => {
  const before = process.cpuUsage()
  for (let time = 0; time < 20; time += 1)
    await hashPassword('correct horse battery staple', { iterations: 100_000 })
  const { user, system } = process.cpuUsage(before)
  console.log(
    `PBKDF2, 100,000 iterations: ${((user + system) / 20_000).toFixed(0)} ms of processor time in Node`,
  )
})

/** As the requests of many people, so that nobody is refused for asking too much. */
function fromManyAddresses(worker: TestWorker): TestServer {
  let count = 0
  const fetch: TestServer['fetch'] = (path, init) => {
    count += 1
    const headers = new Headers(init?.headers)
    headers.set('CF-Connecting-IP', `198.51.${(count >> 8) & 255}.${count & 255}`)
    return worker.fetch(path, { ...init, headers })
  }
  return { ...(worker as unknown as TestServer), fetch }
}

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
