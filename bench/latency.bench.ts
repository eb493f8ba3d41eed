import { it } from 'vitest'
import { isAskedFor } from './comparison/asked_for.ts'
import { measureRun, type Run, SERVER_CORE } from './comparison/measure.ts'
import { withSubject } from './comparison/started_subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'
import { limit } from './comparison/subjects/limit.ts'
import { awayTimesOf } from './processor.ts'
import { median } from './statistics.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 30)
const CONNECTIONS = 32
const ROUNDS = 3
const SHARE = 0.7

const SUBJECTS = [authAgent({ name: 'Auth-Agent', rows: 10_000 }), limit]

/** How long answers take where there is room: at 70% of the rate that is reached; of ours, and of what the machine can do. */
it.each(SUBJECTS)(
  'latency of $name at 70% of its peak',
  async (description) => {
    await withSubject(description, async (subject, { pid: databasePid }) => {
      const away = await awayTimesOf(SERVER_CORE, SECONDS)
      console.log(
        `\nThe core was away from a loop that did nothing else for ${(100 * away.share).toFixed(1)}% of the time, ${away.longest.toFixed(1)} ms at the longest.`,
      )
      console.log(
        `\n| ${description.name} | peak | at 70% | p50 | p99 | p99.9 | p99 / p50 | in the median second | not timed | its core busy |\n|---|---|---|---|---|---|---|---|---|---|`,
      )
      for (const work of description.works.filter((work) => isAskedFor('WORKS', work))) {
        const users = await subject.users(work, CONNECTIONS)
        const measure = (rate?: number) =>
          measureRun(subject, subject.port, users, { seconds: SECONDS, databasePid, ...(rate && { rate }) })
        await measure()
        const peak = (await measure()).rate
        const runs: Run[] = []
        for (let round = 0; round < ROUNDS; round += 1) runs.push(await measure(SHARE * peak))
        const of = (key: 'rate' | 'p50' | 'p99' | 'p999') => median(runs.map((run) => run[key]))
        const milliseconds = (key: 'p50' | 'p99' | 'p999') => `${of(key).toFixed(2)} ms`
        const ratio = median(runs.map(({ p50, p99 }) => p99 / p50))
        const steadyRatio = median(runs.map((run) => run.steadyRatio))
        const untimed = median(runs.map((run) => run.untimed))
        const busy = median(runs.map(({ rate, serverCpu }) => (rate * serverCpu) / 1e6))
        console.log(
          `| ${work} | ${peak.toFixed(0)}/s | ${of('rate').toFixed(0)}/s | ${milliseconds('p50')} | ${milliseconds('p99')} | ${milliseconds('p999')} | ${ratio.toFixed(1)} | ${steadyRatio.toFixed(1)} | ${(100 * untimed).toFixed(1)}% | ${(100 * busy).toFixed(0)}% |`,
        )
      }
    })
  },
  86_400_000,
)
