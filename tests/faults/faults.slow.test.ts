import { randomInt } from 'node:crypto'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectPostgres } from '@auth-agent/server/storage/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { toOAuthError } from '../../server/src/http/failure.ts'
import { registerServer } from '../support/flow.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { type FaultyCluster, startFaultyCluster } from './cluster.ts'
import { createFaults, type Faults } from './faults.ts'
import { Figures } from './figures.ts'
import { Ledger } from './ledger.ts'
import { LoadBalancer } from './load_balancer.ts'
import { Outages } from './outages.ts'
import { createRandom, type Random } from './random.ts'
import { makeOperator } from './users/operator.ts'
import { makePerson } from './users/person.ts'
import { makeResourceServer } from './users/resource_server.ts'
import { makeRobot } from './users/robot.ts'
import { live, type MakeUser } from './users/virtual_user.ts'
import { untilHealthy, verifyLedger } from './verification.ts'
import { World } from './world.ts'

const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 60)
const SEED = Number(process.env['FAULT_SEED'] ?? randomInt(2 ** 32))

const USERS: readonly (readonly [count: number, make: MakeUser])[] = [
  [6, makePerson],
  [2, makeResourceServer],
  [1, makeOperator],
  [1, makeRobot],
]

/** One broken promise is met many times. */
const SHOWN_PROBLEMS = 20

/** What the log says of a 500; toOAuthError has the sentence. */
const SERVER_ERROR = toOAuthError(new Error()).description

let cluster: FaultyCluster

beforeAll(async () => {
  await build()
  cluster = await startFaultyCluster()
}, 120_000)
afterAll(() => cluster?.close())

it(
  `${SECONDS} s of load while processes are killed and the database restarts: nothing that was acknowledged is lost`,
  async () => {
    console.log(`FAULT_SECONDS=${SECONDS} FAULT_SEED=${SEED}`)
    const random = createRandom(SEED)
    const outages = new Outages()
    const faults = createFaults(cluster, outages, random.fork())
    const world = await createWorld(outages, random.fork())
    await loadWhile(world, random.fork(), () => causeFaults(faults, random.fork()))
    await untilHealthy(world)
    const database = connectPostgres(cluster.database.url)
    const verified = await verifyLedger(world, database).finally(() => database.close())
    world.balancer.close()
    checkLogs(world)
    console.log(describe(world, faults, verified))
    expect(world.figures.problems.slice(0, SHOWN_PROBLEMS), `FAULT_SEED=${SEED}`).toEqual([])
  },
  (SECONDS + 600) * 1000,
)

async function createWorld(outages: Outages, random: Random): Promise<World> {
  const agent = new Agent()
  const [first] = cluster.nodes
  const mcp = await registerServer(createRemoteServer(cluster.issuer, { port: first?.port ?? 0, agent }))
  const figures = new Figures()
  const balancer = new LoadBalancer(cluster, outages, figures, random)
  return new World({ cluster, balancer, ledger: new Ledger(), figures, mcp })
}

/** Lets all virtual users live while something happens, and a moment longer. */
async function loadWhile(world: World, random: Random, happens: () => Promise<void>): Promise<void> {
  let isOver = false
  const users = await Promise.all(
    USERS.flatMap(([count, make]) => Array.from({ length: count }, () => make)).map((make, number) =>
      make(world, random.fork(), number),
    ),
  )
  const living = users.map((user) => live(user, world, random.fork(), () => isOver))
  await happens().finally(() => {
    isOver = true
  })
  await Promise.all(living)
}

async function causeFaults(faults: Faults, random: Random): Promise<void> {
  const endsAt = performance.now() + SECONDS * 1000
  await sleep(1_000)
  while (performance.now() < endsAt) {
    await faults.cause()
    await sleep(random.between(300, 1_500))
  }
  await faults.causeAll()
}

/** What went wrong inside may have been answered to nobody. */
function checkLogs({ figures, cluster }: World): void {
  for (const [node, { errors }] of cluster.nodes.entries())
    if (errors().has(SERVER_ERROR)) figures.report('A node has logged an error of its own.', { node })
}

function describe(world: World, faults: Faults, verified: number): string {
  const { figures, ledger } = world
  const lines = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([what, count]) => `  ${what}: ${count}`)
  return [
    figures.describe(),
    'Faults:',
    ...lines(faults.counts),
    'Acknowledged writes:',
    ...lines(ledger.acknowledged),
    `Codes: ${ledger.codes.length}, of which accepted once: ${ledger.codes.filter(({ grantIds }) => grantIds.length === 1).length}`,
    `Client assertions: ${ledger.assertions.length}, of which accepted once: ${ledger.assertions.filter((count) => count === 1).length}`,
    `Verified in the end: ${verified}`,
    `503 while nothing was away: ${figures.unexplained}`,
    `Revoked, and active later than a second while the database was there: ${figures.late.length}, by up to ${Math.max(0, ...figures.late)} ms`,
    `Problems: ${figures.problems.length}`,
  ].join('\n')
}
