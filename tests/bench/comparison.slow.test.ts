import { describe, expect } from 'vitest'
import { compare } from '../../bench/comparison/compare.ts'
import type { SubjectDescription } from '../../bench/comparison/subject.ts'
import { authAgent } from '../../bench/comparison/subjects/auth_agent.ts'
import { limit } from '../../bench/comparison/subjects/limit.ts'
import {
  oidcProviderInMemory,
  oidcProviderOnPostgres,
} from '../../bench/comparison/subjects/oidc_provider.ts'
import { itWhere } from '../support/it_where.ts'

const SUBJECTS: readonly SubjectDescription[] = [
  authAgent({ name: 'ours', rows: 1_000 }),
  limit,
  oidcProviderInMemory,
  oidcProviderOnPostgres,
]

/** So that the benchmark cannot rot; of how fast anything is, nothing is asserted. It binds processes to cores, as Linux can. */
describe('a short run of the comparison', () => {
  itWhere(process.platform === 'linux')(
    'is answered rightly in every work, by each of those that can be had from npm',
    async () => {
      const results = await compare({
        subjects: SUBJECTS,
        connections: 3,
        seconds: 0.5,
        rounds: 1,
        warmUpSeconds: 0.2,
        print: () => {},
      })
      const seen = [...results].flatMap(([work, outcomes]) =>
        outcomes.map(({ subject, runs }) => ({ subject, work, errors: runs[0]?.firstError })),
      )
      const expected = SUBJECTS.flatMap(({ name, works }) =>
        works.map((work) => ({ subject: name, work, errors: undefined })),
      )
      expect(seen).toHaveLength(expected.length)
      expect(seen).toEqual(expect.arrayContaining(expected))
    },
    300_000,
  )
})
