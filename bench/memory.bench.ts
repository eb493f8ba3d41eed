import { it } from 'vitest'
import { load } from './comparison/load.ts'
import { withSubject } from './comparison/started_subject.ts'
import type { Work } from './comparison/subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'
import { memoryOf } from './processor.ts'
import { slopeOf } from './statistics.ts'

/** Of the load, in all. */
const SECONDS = Number(process.env['SECONDS'] ?? 3_600)
const SAMPLE_SECONDS = 10
/** What it takes until every cache is full and all code is compiled does not count. */
const WARM_UP_SHARE = 1 / 6
/** They take turns; each runs into other caches. */
const MIXED: readonly (readonly [Work, number])[] = [
  ['introspection, never seen', 8],
  ['refresh', 8],
  ['client credentials', 6],
  ['authorization', 4],
  ['introspection, rubbish', 2],
  ['registration', 2],
  ['metadata', 2],
]

/** What the server holds while it works on everything at once, for an hour. */
it('memory under load', async () => {
  await withSubject(authAgent({ name: 'Auth-Agent', rows: 10_000 }), async (subject) => {
    const users = []
    for (const [work, count] of MIXED) users.push(...(await subject.users(work, count)))
    const samples: { seconds: number; bytes: number }[] = []
    const startedAt = performance.now()
    const sampling = setInterval(async () => {
      const seconds = (performance.now() - startedAt) / 1000
      samples.push({ seconds, bytes: await memoryOf(subject.pid) })
    }, SAMPLE_SECONDS * 1000)
    const { finished, errors, firstError } = await load(subject.port, users, { seconds: SECONDS })
    clearInterval(sampling)
    console.log(`${finished} pieces of work, ${errors} errors ${firstError ?? ''}`)
    for (const part of [0, 0.25, 0.5, 0.75, 0.999]) {
      const sample = samples[Math.floor(part * samples.length)]
      if (sample) console.log(`after ${sample.seconds.toFixed(0)} s: ${(sample.bytes / 1e6).toFixed(1)} MB`)
    }
    const counted = samples.filter(({ seconds }) => seconds > WARM_UP_SHARE * SECONDS)
    const { slope, error } = slopeOf(counted.map(({ seconds, bytes }) => [seconds / 3600, bytes / 1e6]))
    console.log(`slope ${slope.toFixed(2)} MB an hour, standard error ${error.toFixed(2)}`)
  })
}, 86_400_000)
