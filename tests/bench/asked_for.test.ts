import { afterEach, expect, it, vi } from 'vitest'
import { isAskedFor } from '../../bench/comparison/asked_for.ts'

afterEach(() => vi.unstubAllEnvs())

it.each([
  ['Auth-Agent', 'auth-agent', true],
  ['Auth-Agent, both cores', 'auth-agent', true],
  ['Auth-Agent', '=auth-agent', true],
  ['Auth-Agent, both cores', '=auth-agent', false],
  ['Keycloak 26', '=auth-agent, KEYCLOAK', true],
  ['Ory Hydra', 'keycloak', false],
  ['introspection, seen', '=introspection, seen;', true],
  ['introspection, never seen', '=introspection, seen;', false],
  ['refresh', '=introspection, seen; REFRESH', true],
  ['refresh', ',', true],
])('%s, where %s is asked for: %s', (name, asked, expected) => {
  vi.stubEnv('SUBJECTS', asked)
  expect(isAskedFor('SUBJECTS', name)).toBe(expected)
})

it('everything, where nothing is asked for', () => {
  vi.stubEnv('SUBJECTS', undefined)
  expect(isAskedFor('SUBJECTS', 'Keycloak 26')).toBe(true)
})
