import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAnsweredFromMemory } from '../../workers/src/free_paths.ts'
import { type CountingDatabase, countStatements } from '../support/counting_database.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

describe.each([
  ['without a path', ''],
  ['with a path', '/tenant'],
])('an issuer %s', (_name, base) => {
  let database: TestDatabase
  let counting: CountingDatabase
  let server: TestServer
  beforeAll(async () => {
    database = await createTestDatabase()
    counting = countStatements(database.database)
    const issuer = `http://localhost:8787${base}`
    server = await createTestServer({ issuer, database: counting.database }, { database })
  })
  afterAll(() => server.close())

  /** The statements of a request, once what is remembered is remembered. */
  async function statementsOf(path: string): Promise<string[]> {
    await server.fetch(path)
    counting.take()
    await server.fetch(path)
    return counting.take()
  }

  it.each([
    `/health`,
    `${base}/health`,
    `${base}/.well-known/jwks.json`,
    `${base}/.well-known/oauth-authorization-server`,
    `${base}/.well-known/openid-configuration`,
    `/.well-known/oauth-authorization-server${base}`,
    `/.well-known/openid-configuration${base}`,
    `${base}/.well-known/oauth-protected-resource`,
    `/.well-known/oauth-protected-resource${base}/api`,
    `${base}/assets/0000000000000000/style.css`,
    `${base}/assets/nothing`,
  ])('answers %s from memory, to everybody', async (path) => {
    expect(isAnsweredFromMemory(path, base)).toBe(true)
    expect(await statementsOf(path)).toEqual([])
  })

  it.each(['/ready', `${base}/ready`, `${base}/.well-known/oauth-protected-resource/srv_unknown`])(
    'asks the database at %s, within a limit',
    async (path) => {
      expect(isAnsweredFromMemory(path, base)).toBe(false)
      expect(await statementsOf(path)).not.toEqual([])
    },
  )
})
