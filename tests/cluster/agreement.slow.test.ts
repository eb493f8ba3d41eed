import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { createBrowser } from '../support/browser.ts'
import { type Cluster, SET_UPS } from '../support/cluster.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { signJwt } from '../support/forged_jwt.ts'
import type { TestServer } from '../support/server.ts'

beforeAll(() => build())

/** Nothing on one node that another needs. */
describe.each(SET_UPS)('%s', (_name, start) => {
  let cluster: Cluster
  let mcp: RegisteredServer

  beforeAll(async () => {
    cluster = await start()
    mcp = await registerServer(cluster.balanced)
  })
  afterAll(() => cluster.close())

  const isActive = async (node: TestServer, token: string) =>
    (await introspect(node, mcp.key, token))['active']

  async function expectRefusedByAll(token: string): Promise<void> {
    for (const node of cluster.nodes)
      await expect.poll(() => isActive(node, token), { timeout: 30_000, interval: 50 }).toBe(false)
  }

  it('sign-in, consent, exchange, refresh and introspection go on, whoever answers', async () => {
    for (let round = 0; round < 3; round += 1) {
      const granted = await grant(cluster.balanced)
      let token = granted.tokens.refresh_token
      for (const node of cluster.nodes) {
        const { status, body } = await refresh(node, granted, token)
        expect(status).toBe(200)
        token = body.refresh_token
        for (const other of cluster.nodes) expect(await isActive(other, body.access_token)).toBe(true)
      }
    }
  })

  it('a code is exchanged once, however many nodes are asked at once', async () => {
    const clientId = await registerClient(cluster.balanced)
    const pkce = createPkce()
    const sentTo = await authorize(cluster.nodes[0], authorizeUrl(clientId, pkce))
    const answers = await Promise.all(
      cluster.nodes.map((node) =>
        requestToken(node, {
          grant_type: 'authorization_code',
          client_id: clientId,
          code: sentTo.searchParams.get('code') ?? '',
          code_verifier: pkce.verifier,
        }),
      ),
    )
    const winners = answers.filter(({ status }) => status === 200)
    expect(winners).toHaveLength(1)
    for (const { status, body } of answers)
      if (status !== 200) expect([status, body.error]).toEqual([400, 'invalid_grant'])
    await expectRefusedByAll(winners[0]?.body.access_token ?? '')
  })

  it('a refresh token has one successor on all nodes, and a grant that was ended at one is refreshed at none', async () => {
    const granted = await grant(cluster.balanced)
    const answers = await Promise.all(
      cluster.nodes.map((node) => refresh(node, granted, granted.tokens.refresh_token)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const successors = new Set(answers.map(({ body }) => body.refresh_token))
    expect(successors.size).toBe(1)

    let [current = ''] = successors
    for (const node of cluster.nodes) current = (await refresh(node, granted, current)).body.refresh_token
    const body = new URLSearchParams({ token: current, client_id: granted.clientId })
    expect((await cluster.nodes[2].fetch('/revoke', { method: 'POST', body })).status).toBe(200)
    for (const node of cluster.nodes) {
      const refused = await refresh(node, granted, current)
      expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant'])
    }
    for (const answer of answers) await expectRefusedByAll(answer.body.access_token)
  })

  it('100 revocations at one node are known to the others', async () => {
    const [first, ...others] = cluster.nodes
    const granted = await grant(first)
    const tokens: string[] = []
    let current = granted.tokens.refresh_token
    for (let count = 0; count < 100; count += 1) {
      const { body } = await refresh(first, granted, current)
      tokens.push(body.access_token)
      current = body.refresh_token
    }
    // Each knows each token as good, and so has read what is denied.
    for (const token of tokens) for (const node of others) expect(await isActive(node, token)).toBe(true)
    for (const token of tokens) {
      const body = new URLSearchParams({ token, client_id: granted.clientId })
      expect((await first.fetch('/revoke', { method: 'POST', body })).status).toBe(200)
      expect(await isActive(first, token)).toBe(false)
    }
    for (const token of tokens) await expectRefusedByAll(token)
    const { body } = await refresh(first, granted, current)
    for (const node of others) expect(await isActive(node, body.access_token)).toBe(true)
  })

  it('the jti of a client assertion is taken once by all of them together (RFC 7523 §3)', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { client_id } = await cluster.balanced.manage<{ client_id: string }>('POST', '/clients', {
      client_name: 'Robot',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'a-key', use: 'sig' }] },
      servers: [{ server_id: mcp.server_id, scopes: ['files:read'] }],
    })
    for (let round = 0; round < 10; round += 1) {
      const now = Math.floor(Date.now() / 1000)
      const { issuer } = cluster.balanced
      const client_assertion = signJwt(
        { alg: 'ES256', kid: 'a-key', typ: 'JWT' },
        { iss: client_id, sub: client_id, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 },
        privateKey,
      )
      const present = (node: TestServer) =>
        requestToken(node, {
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion,
        })
      const answers = await Promise.all(cluster.nodes.map(present))
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401, 401, 401])
      for (const node of cluster.nodes) expect((await present(node)).status).toBe(401)
    }
  })

  it('guesses from one address are counted together, and those of others apart', async () => {
    const guess = async (node: TestServer, clientAddress: string) => {
      const browser = createBrowser(node, clientAddress)
      const page = await browser.open('/sign-in')
      const person = { email: `${randomUUID()}@example.com`, password: 'not the password' }
      return (await browser.submit(page, person, '/sign-in')).status
    }
    const statuses: number[] = []
    for (let count = 0; count < 48; count += 4)
      statuses.push(...(await Promise.all(cluster.nodes.map((node) => guess(node, '203.0.113.5')))))
    for (const node of [cluster.balanced, cluster.balanced]) statuses.push(await guess(node, '203.0.113.5'))
    expect(statuses).toHaveLength(50)
    expect(statuses).not.toContain(429)
    for (const node of cluster.nodes) {
      expect(await guess(node, '203.0.113.5')).toBe(429)
      expect(await guess(node, '203.0.113.6')).not.toBe(429)
    }
  })

  it('nodes whose connections are cut catch up with what was revoked meanwhile, by themselves', async () => {
    const [first, ...others] = cluster.nodes
    for (let round = 0; round < 5; round += 1) {
      const [kept, revoked] = [await grant(first), await grant(first)]
      for (const node of cluster.nodes) expect(await isActive(node, revoked.tokens.access_token)).toBe(true)
      await cutConnections(cluster)
      const body = new URLSearchParams({ token: revoked.tokens.refresh_token, client_id: revoked.clientId })
      const revoke = async () => (await first.fetch('/revoke', { method: 'POST', body })).status
      await expect.poll(revoke, { timeout: 30_000 }).toBe(200)
      await cutConnections(cluster)
      await expectRefusedByAll(revoked.tokens.access_token)
      for (const node of others) expect(await isActive(node, kept.tokens.access_token)).toBe(true)
    }
  })
})

/** As a failover does: every connection of the servers ends, whatever was on it. */
async function cutConnections({ database }: Cluster): Promise<void> {
  await database.database.runScript(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  )
}
