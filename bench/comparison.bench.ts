import { it } from 'vitest'
import { compare } from './comparison/compare.ts'
import type { SubjectDescription } from './comparison/subject.ts'
import { WORKS } from './comparison/subject.ts'
import { authAgent } from './comparison/subjects/auth_agent.ts'
import { limit } from './comparison/subjects/limit.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 60)
const ROWS = Number(process.env['ROWS'] ?? 10_000_000)
/** Of names and of works, what is asked for, apart by commas: all, without it. */
const SUBJECTS = process.env['SUBJECTS']?.split(',')
const ONLY = process.env['WORKS']?.split(',')

/** Ours first: it is compared with each of the others. */
const ALL: readonly SubjectDescription[] = [
  authAgent({ rows: 10_000, name: 'Auth-Agent' }),
  limit,
  authAgent({ rows: ROWS, name: `Auth-Agent, ${ROWS.toLocaleString('en')} rows` }),
]

it('our server, its peers, and what the machine can do', async () => {
  const isAsked = (asked: readonly string[] | undefined, name: string) =>
    asked === undefined || asked.some((one) => name.toLowerCase().includes(one.toLowerCase()))
  await compare({
    subjects: ALL.filter(({ name }) => isAsked(SUBJECTS, name)),
    works: WORKS.filter((work) => isAsked(ONLY, work)),
    connections: 32,
    seconds: SECONDS,
    rounds: 5,
    warmUpSeconds: SECONDS,
    print: (text) => console.log(text),
  })
}, 86_400_000)
