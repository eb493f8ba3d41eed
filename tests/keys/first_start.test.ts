import { expect, it } from 'vitest'
import { createContext } from '../../server/src/create_context.ts'
import { createTestDatabase } from '../support/postgres.ts'

it('nodes that start on an empty database at the same time have the same keys, one for each algorithm', async () => {
  const test = await createTestDatabase()
  const startNode = () =>
    createContext({
      issuer: 'https://as.example',
      database: test.database,
      secrets: ['a server secret that has more than thirty-two bytes'],
      fetchPublicUrl: () => Promise.reject(new Error('Nothing is fetched here.')),
    })
  const nodes = await Promise.all(Array.from({ length: 5 }, startNode))
  const sets = await Promise.all(nodes.map(({ signingKeys }) => signingKeys.jwks()))
  for (const set of sets) expect(set).toEqual(sets[0])
  const algs = sets[0]?.keys.map(({ alg }) => alg) ?? []
  expect(new Set(algs).size).toBe(algs.length)
  await test.drop()
})
