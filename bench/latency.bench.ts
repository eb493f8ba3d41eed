import { it } from 'vitest'
import { isAskedFor } from './comparison/asked_for.ts'
import { measureRun, type Run } from './comparison/measure.ts'
import { withSubject } from './comparison/started_subject.ts'
import { WORKS } from './comparison/subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'
import { median } from './statistics.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 30)
const CONNECTIONS = 32
const ROUNDS = 3
const SHARE = 0.7

/** How long answers take where there is room: at 70% of the rate that the server reaches. */
it('latency at 70% of the peak', async () => {
  await withSubject(
    authAgent({ name: 'Auth-Agent', rows: 10_000 }),
    async (subject, { pid: databasePid }) => {
      console.log(
        '| | peak | at 70% | p50 | p99 | p99.9 | p99 / p50 | other core idle |\n|---|---|---|---|---|---|---|---|',
      )
      for (const work of WORKS.filter((work) => isAskedFor('WORKS', work))) {
        const users = await subject.users(work, CONNECTIONS)
        const measure = (rate?: number) =>
          measureRun(subject, subject.port, users, { seconds: SECONDS, databasePid, ...(rate && { rate }) })
        await measure()
        const peak = (await measure()).rate
        const runs: Run[] = []
        for (let round = 0; round < ROUNDS; round += 1) runs.push(await measure(SHARE * peak))
        const of = (key: 'rate' | 'p50' | 'p99' | 'p999' | 'otherIdle') => median(runs.map((run) => run[key]))
        const milliseconds = (key: 'p50' | 'p99' | 'p999') => `${of(key).toFixed(2)} ms`
        const ratio = median(runs.map(({ p50, p99 }) => p99 / p50))
        console.log(
          `| ${work} | ${peak.toFixed(0)}/s | ${of('rate').toFixed(0)}/s | ${milliseconds('p50')} | ${milliseconds('p99')} | ${milliseconds('p999')} | ${ratio.toFixed(1)} | ${(100 * of('otherIdle')).toFixed(0)}% |`,
        )
      }
    },
  )
}, 86_400_000)
