import { it } from 'vitest'
import { isAskedFor } from './comparison/asked_for.ts'
import { compare } from './comparison/compare.ts'
import type { SubjectDescription } from './comparison/subject.ts'
import { WORKS } from './comparison/subject.ts'
import {
  authAgent,
  authAgentInWorkerd,
  authAgentOnBothCores,
  authAgentOnEmbedded,
} from './comparison/subjects/auth_agent.ts'
import { betterAuth } from './comparison/subjects/better_auth.ts'
import { cloudflareOauthProvider, cloudflareOauthProviderInMemory } from './comparison/subjects/cloudflare.ts'
import { hydra } from './comparison/subjects/hydra.ts'
import { keycloak, keycloakWithOurHash } from './comparison/subjects/keycloak.ts'
import { limit } from './comparison/subjects/limit.ts'
import { oidcProviderInMemory, oidcProviderOnPostgres } from './comparison/subjects/oidc_provider.ts'

const SECONDS = Number(process.env['SECONDS'] ?? 60)
const ROWS = Number(process.env['ROWS'] ?? 10_000_000)
/** Ours first: it is compared with each of the others. */
const ALL: readonly SubjectDescription[] = [
  authAgent({ name: 'Auth-Agent', rows: 10_000 }),
  limit,
  oidcProviderOnPostgres,
  oidcProviderInMemory,
  betterAuth,
  hydra,
  keycloak,
  keycloakWithOurHash,
  authAgentOnEmbedded({ name: 'Auth-Agent, embedded database', rows: 10_000 }),
  authAgentOnBothCores({ name: 'Auth-Agent, both cores', rows: 10_000 }),
  authAgentInWorkerd({ name: 'Auth-Agent, workerd', rows: 10_000 }),
  cloudflareOauthProviderInMemory,
  cloudflareOauthProvider,
  authAgent({ name: `Auth-Agent, ${ROWS.toLocaleString('en')} rows`, rows: ROWS }),
]

it('our server, its peers, and what the machine can do', async () => {
  const works = WORKS.filter((work) => isAskedFor('WORKS', work))
  await compare({
    // Who can do nothing of it would only be in the way of the others.
    subjects: ALL.filter(
      (subject) => isAskedFor('SUBJECTS', subject.name) && works.some((work) => subject.works.includes(work)),
    ),
    works,
    connections: 32,
    seconds: SECONDS,
    rounds: 5,
    warmUpSeconds: SECONDS,
    print: (text) => console.log(text),
  })
}, 86_400_000)
