import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { it } from 'vitest'
import { urlOfDatabase } from '../tests/support/postgres_server.ts'
import { readSelfTimes, sumBy } from './comparison/cpu_profile.ts'
import { load } from './comparison/load.ts'
import { OTHER_CORE, SERVER_CORE } from './comparison/measure.ts'
import { WORKS } from './comparison/subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'
import { startDurablePostgres } from './durable_postgres.ts'
import { bindToCore } from './processor.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 15)
const ONLY = process.env['WORKS']?.split(',')
const CONNECTIONS = 32

/** Where the time of each work goes, by V8's sampling profiler: a server of its own for each, so that none is seen in another's. */
it.each(WORKS.filter((work) => ONLY === undefined || ONLY.includes(work)))(
  '%s',
  async (work) => {
    const folder = await mkdtemp(join(tmpdir(), 'auth-agent-profile-'))
    const postgres = await startDurablePostgres()
    bindToCore(process.pid, OTHER_CORE)
    bindToCore(postgres.pid, OTHER_CORE)
    try {
      const database = connectPostgres(postgres.url, { maxConnections: 1 })
      await database.runScript('create database profiled')
      await database.close()
      const described = authAgent({
        rows: 10_000,
        name: work,
        nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`],
      })
      const subject = await described.start({
        databaseUrl: urlOfDatabase(postgres.url, 'profiled'),
        core: SERVER_CORE,
      })
      const users = await subject.users(work, CONNECTIONS)
      const { finished } = await load(subject.port, users, { seconds: SECONDS })
      await subject.close()
      const [file = ''] = await readdir(folder)
      const times = await readSelfTimes(join(folder, file))
      report(work, times, finished)
    } finally {
      await postgres.close()
      await rm(folder, { recursive: true })
    }
  },
  600_000,
)

function report(work: string, times: Awaited<ReturnType<typeof readSelfTimes>>, finished: number): void {
  const all = times.reduce((sum, { time }) => sum + time, 0)
  const each = (time: number) => `${(time / finished).toFixed(1)} µs`
  const share = (time: number) => `${((100 * time) / all).toFixed(0)}%`
  console.log(
    `\n### ${work}: ${each(all)} each\n\n| where | self | share | most of it |\n| --- | --- | --- | --- |`,
  )
  for (const [area, time] of sumBy(times, ({ area }) => area).slice(0, 14)) {
    const functions = sumBy(
      times.filter((one) => one.area === area),
      (one) => one.function,
    ).slice(0, 4)
    const most = functions.map(([name, time]) => `${name} ${(time / finished).toFixed(1)}`).join(', ')
    console.log(`| ${area} | ${each(time)} | ${share(time)} | ${most} |`)
  }
}
