import { expect, it } from 'vitest'
import { WORKS } from '../../bench/comparison/subject.ts'
import { betterAuth } from '../../bench/comparison/subjects/better_auth.ts'
import {
  cloudflareOauthProvider,
  cloudflareOauthProviderInMemory,
} from '../../bench/comparison/subjects/cloudflare.ts'
import { hydra } from '../../bench/comparison/subjects/hydra.ts'
import { keycloak, keycloakWithOurHash } from '../../bench/comparison/subjects/keycloak.ts'

/** Those that the short run of the comparison leaves out, since they have to be fetched or built. */
const PEERS = [
  betterAuth,
  cloudflareOauthProvider,
  cloudflareOauthProviderInMemory,
  hydra,
  keycloak,
  keycloakWithOurHash,
]

it.each(PEERS)('$name is described, with works that there are', ({ works }) => {
  expect(works.length).toBeGreaterThan(0)
  expect(WORKS).toEqual(expect.arrayContaining([...works]))
})
