import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, it } from 'vitest'
import { isAskedFor } from './comparison/asked_for.ts'
import { KINDS, kindOf, readSelfTimes, type SelfTime, sumBy } from './comparison/cpu_profile.ts'
import { load } from './comparison/load.ts'
import { withSubject } from './comparison/started_subject.ts'
import { WORKS } from './comparison/subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 15)
const CONNECTIONS = 32
/** Code is compiled, and caches are filled. */
const WARM_UP_SECONDS = 3

/** Of each work, microseconds by what they are for. */
const summary: string[] = []
afterAll(() => {
  console.log(
    `\n| | all | ${KINDS.join(' | ')} |\n| --- |${' --- |'.repeat(KINDS.length + 1)}\n${summary.join('\n')}`,
  )
})

/** Where the time of each work goes, by V8's sampling profiler: a server of its own for each, so that none is seen in another's. */
it.each(WORKS.filter((work) => isAskedFor('WORKS', work)))(
  '%s',
  async (work) => {
    const folder = await mkdtemp(join(tmpdir(), 'auth-agent-profile-'))
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`]
    const described = authAgent({ name: work, rows: 10_000, nodeArgs })
    const { finished, since } = await withSubject(described, async (subject) => {
      const users = await subject.users(work, CONNECTIONS)
      await load(subject.port, users, { seconds: WARM_UP_SECONDS })
      const since = performance.now()
      return { since, ...(await load(subject.port, users, { seconds: SECONDS })) }
    })
    const [file = ''] = await readdir(folder)
    // What went before, such as the start, is told by how long ago it was.
    report(work, await readSelfTimes(join(folder, file), performance.now() - since), finished)
    await rm(folder, { recursive: true })
  },
  600_000,
)

function report(work: string, times: readonly SelfTime[], finished: number): void {
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
  const kinds = new Map(sumBy(times, kindOf))
  const columns = [all, ...KINDS.map((kind) => kinds.get(kind) ?? 0)]
  summary.push(`| ${work} | ${columns.map((time) => (time / finished).toFixed(1)).join(' | ')} |`)
}
