import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../tests/support/postgres.ts'
import { createTestServer } from '../../tests/support/server.ts'

describe('a database and its issuer', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  const startAs = (issuer: string) => createTestServer({ issuer }, { database })

  it('a loopback issuer gives way to another port, and to the name of the deployment', async () => {
    await startAs('http://localhost:8787')
    const moved = await startAs('http://localhost:9000')
    expect(moved.logLines).toContainEqual(
      expect.stringMatching(/^The issuer has changed: .*"former":"http:\/\/localhost:8787"/),
    )
    const again = await startAs('http://localhost:9000')
    expect(again.logLines.filter((line) => line.includes('issuer has changed'))).toEqual([])
    await startAs('https://auth.example.com')
  })

  it.each(['https://other.example.com', 'https://auth.example.com/tenant', 'http://localhost:8787'])(
    'any other one stays: %s is refused in one sentence',
    async (issuer) => {
      await expect(startAs(issuer)).rejects.toThrow(
        `The issuer is ${issuer}, but this database belongs to https://auth.example.com: set ISSUER_URL to that, name another database, or see "Another issuer" in DEPLOYMENT.md.`,
      )
    },
  )

  it('changes its issuer where the operator says so, as DEPLOYMENT.md describes', async () => {
    await database.database.runScript("update auth_agent.deployment set issuer = 'https://other.example.com'")
    await startAs('https://other.example.com')
    await expect(startAs('https://auth.example.com')).rejects.toThrow('belongs to https://other.example.com')
  })

  it('belongs to one of two that start at once', async () => {
    const fresh = await createTestDatabase()
    const issuers = ['https://a.example.com', 'https://b.example.com']
    const starts = await Promise.allSettled(
      issuers.map((issuer) => createTestServer({ issuer, owner: undefined }, { database: fresh })),
    )
    expect(starts.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await fresh.drop()
  })
})
