import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { denialStorage } from '../../server/src/storage/denials.ts'
import { deny, endKey } from '../../server/src/tokens/revocation.ts'
import { grant, introspect, registerServer } from '../support/flow.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer } from '../support/server.ts'
import { createTwoNodes, interruptible, isActive, issue, type TwoNodes } from './nodes.ts'

describe('a node whose database is away', () => {
  let nodes: TwoNodes

  beforeAll(async () => {
    nodes = await createTwoNodes()
  })
  afterAll(() => nodes.test.drop())
  beforeEach(async () => {
    nodes.connection.isAway = false
    nodes.clock.advance(60)
    await nodes.b.denials.refresh()
  })

  it('goes on also where it would look for new signing keys meanwhile', async () => {
    const token = await issue(nodes.b)
    for (let second = 0; second < 59; second += 1) {
      nodes.clock.advance(1)
      expect(await isActive(nodes.b, token)).toBe(true)
    }
    nodes.connection.isAway = true
    for (let second = 0; second < 20; second += 1) {
      nodes.clock.advance(1)
      expect(await isActive(nodes.b, token)).toBe(true)
    }
  })

  it('goes on for 30 s with what it knows', async () => {
    const token = await issue(nodes.b)
    nodes.connection.isAway = true
    for (let second = 0; second < 29; second += 1) {
      nodes.clock.advance(1)
      expect(await isActive(nodes.b, token)).toBe(true)
    }
  })

  it('then refuses, so that nothing revoked is taken, and says when to come again', async () => {
    const token = await issue(nodes.b)
    nodes.connection.isAway = true
    nodes.clock.advance(30)
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await expect(isActive(nodes.b, token)).rejects.toMatchObject({
        code: 'temporarily_unavailable',
        status: 503,
        headers: { 'Retry-After': '5' },
      })
    }
  })

  it('recovers by itself, and then knows what was revoked meanwhile', async () => {
    const kept = await issue(nodes.b, { grantId: 'kept' })
    const revoked = await issue(nodes.b, { grantId: 'revoked meanwhile' })
    nodes.connection.isAway = true
    nodes.clock.advance(10)
    await deny(nodes.a, {
      organization_id: 'org_root',
      kind: 'grant',
      subject: 'revoked meanwhile',
      server_id: null,
      cutoff: null,
      expires_at: new Date(nodes.clock.now + 3_900_000),
    })
    expect(await isActive(nodes.b, revoked)).toBe(true)
    nodes.clock.advance(50)
    await expect(isActive(nodes.b, kept)).rejects.toMatchObject({ status: 503 })
    nodes.connection.isAway = false
    expect(await isActive(nodes.b, kept)).toBe(true)
    expect(await isActive(nodes.b, revoked)).toBe(false)
  })

  it('reads on where its clock was set back', async () => {
    const token = await issue(nodes.b, { grantId: 'revoked after the clock was set back' })
    await nodes.b.denials.refresh()
    nodes.clock.advance(-3600)
    await deny(nodes.a, {
      organization_id: 'org_root',
      kind: 'grant',
      subject: 'revoked after the clock was set back',
      server_id: null,
      cutoff: null,
      expires_at: new Date(nodes.clock.now + 10_000_000),
    })
    nodes.clock.advance(1)
    expect(await isActive(nodes.b, token)).toBe(false)
    nodes.clock.advance(3600)
  })

  it('honours what it recorded itself, whatever it can read', async () => {
    const key = { keyId: 'key_gone', organizationId: 'org_root', serverId: 'srv_files' }
    await endKey(nodes.b, key)
    nodes.connection.isAway = true
    nodes.clock.advance(10)
    await nodes.b.denials.refresh()
    expect(nodes.b.denials.isKeyDenied('key_gone')).toBe(true)
  })
})

describe('introspection while the database is away', () => {
  it('goes on, refuses with 503 in JSON, and recovers', async () => {
    const connection = { isAway: false }
    const test = await createTestDatabase()
    const server = await createTestServer(
      { database: interruptible(test.database, connection) },
      { database: test },
    )
    const mcp = await registerServer(server)
    const { tokens } = await grant(server)
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })

    connection.isAway = true
    server.clock.advance(28)
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })
    server.clock.advance(60)
    const response = await server.fetch('/introspect', {
      method: 'POST',
      headers: { Authorization: `Bearer ${mcp.key}` },
      body: new URLSearchParams({ token: tokens.access_token }),
    })
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })

    connection.isAway = false
    expect(await introspect(server, mcp.key, tokens.access_token)).toMatchObject({ active: true })
    await server.close()
  })
})

describe('a database that was restored', () => {
  let nodes: TwoNodes

  beforeAll(async () => {
    nodes = await createTwoNodes()
  })
  afterAll(() => nodes.test.drop())

  const record = (subject: string) =>
    denialStorage(nodes.test.database).recordDenial(
      {
        organization_id: 'org_root',
        kind: 'grant',
        subject,
        server_id: null,
        cutoff: null,
        expires_at: new Date(nodes.clock.now + 3_900_000),
      },
      new Date(nodes.clock.now),
    )

  it('is read from the beginning by a node whose cursor is ahead of its transactions', async () => {
    await record('before')
    const { readDenials } = denialStorage(nodes.test.database)
    const now = new Date(nodes.clock.now)
    const page = await readDenials('9000000000000000000', now)
    expect(page.denials.map(({ subject }) => subject)).toContain('before')
    expect(BigInt(page.cursor)).toBeLessThan(9_000_000_000_000_000_000n)
    // Where the cursor is its own, old denials do not come again.
    // (Transactions of other tests on this PostgreSQL hold the cursor back for a moment.)
    let { cursor } = page
    const readOn = async () => {
      const next = await readDenials(cursor, now)
      cursor = next.cursor
      return next.denials.length
    }
    await expect.poll(readOn).toBe(0)
  })

  it('is read from the beginning after a pause, in which its transactions may have passed the cursor', async () => {
    const { b, connection, clock } = nodes
    const token = await issue(b, { grantId: 'lost to the cursor' })
    clock.advance(1)
    expect(await isActive(b, token)).toBe(true)
    await record('lost to the cursor')
    // As a replica has it that took over and had fallen behind: what it records now bears an old number.
    await nodes.test.database.runScript(
      "update auth_agent.denials set transaction_id = '3' where subject = 'lost to the cursor'",
    )
    clock.advance(1)
    expect(await isActive(b, token)).toBe(true)
    connection.isAway = true
    clock.advance(1)
    expect(await isActive(b, token)).toBe(true)
    connection.isAway = false
    clock.advance(1)
    expect(await isActive(b, token)).toBe(false)
  })
})
