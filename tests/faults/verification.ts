import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../server/src/storage/database.ts'
import type { AccessToken, Grant, ManagedKey, ManagedServer } from './ledger.ts'
import { Wrong } from './load_balancer.ts'
import { createRandom } from './random.ts'
import { findContradictions } from './stored_facts.ts'
import { checkSignedOut } from './users/authorization.ts'
import { checkKey } from './users/operator.ts'
import { checkNotRefreshed, refreshOnce } from './users/refreshing.ts'
import type { World } from './world.ts'

/** How many are asked about at a time. */
const AT_ONCE = 8

/** Waits until every node says that it can serve; each is asked a bounded number of times. */
export async function untilHealthy(world: World): Promise<void> {
  for (const node of world.balancer.draw())
    await world.untilClear(`node ${node}`, () =>
      world.ask('/ready', {}, { kind: 'readiness', allowed: [200], node }),
    )
}

/** Compares everything that was acknowledged with what is stored, and with what the nodes say. Answers how much that was. */
export async function verifyLedger(world: World, database: Database): Promise<number> {
  const { ledger } = world
  for (const { what, detail } of await findContradictions(database, ledger))
    world.figures.report(what, detail)
  // What was acknowledged last is known to all nodes after a second.
  await sleep(1_000)
  const checks = [
    ...ledger.grants.map((grant) => () => checkGrant(world, grant)),
    ...ledger.revokedTokens.map((token) => () => checkRefusedByAll(world, token)),
    ...ledger.endedSessions.map((session) => () => checkSignedOut(world, session)),
    ...ledger.servers.map((server) => () => checkServer(world, server)),
    ...ledger.keys.map((key) => () => checkKeyOnAll(world, key)),
  ]
  const left = checks.values()
  const work = async () => {
    for (const check of left)
      await check().catch((error: unknown) => {
        if (!(error instanceof Wrong)) world.figures.report('The ledger could not be verified.', { error })
      })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return checks.length
}

async function checkGrant(world: World, grant: Grant): Promise<void> {
  if (grant.state === 'ending')
    return world.figures.report('An end was never acknowledged.', { grantId: grant.grantId })
  if (grant.state === 'ended') {
    await checkNotRefreshed(world, grant)
    for (const token of grant.accessTokens) await checkRefusedByAll(world, token)
    return
  }
  await refreshOnce(world, createRandom(0), grant)
  const newest = grant.accessTokens.at(-1)
  if (newest) for (const node of world.balancer.draw()) await world.checkToken(newest, node)
}

async function checkRefusedByAll(world: World, token: AccessToken): Promise<void> {
  for (const node of world.balancer.draw()) {
    const asked = { kind: 'introspection', allowed: [200], node, authorization: `Bearer ${world.mcp.key}` }
    const { body } = await world.post('/introspect', { token: token.token }, asked)
    if (body['active'] !== false)
      world.refuse('A revoked token is active in the end.', { jti: token.jti, node })
  }
}

async function checkServer(world: World, server: ManagedServer): Promise<void> {
  const allowed = server.state === 'ended' ? [404] : [200]
  const { body } = await world.manage('GET', `/servers/${server.id}`, { kind: 'server read', allowed })
  if (server.state === 'live' && body['server_url'] !== server.url)
    world.refuse('A server is another.', { id: server.id, body })
}

async function checkKeyOnAll(world: World, key: ManagedKey): Promise<void> {
  for (const node of world.balancer.draw()) {
    if (key.state === 'live') await checkKey(world, key, node)
    else {
      const asked = { kind: 'introspection by a revoked key', allowed: [401], node }
      await world.post(
        '/introspect',
        { token: 'no token' },
        { ...asked, authorization: `Bearer ${key.secret}` },
      )
    }
  }
}
