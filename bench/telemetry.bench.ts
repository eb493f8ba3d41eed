import { it } from 'vitest'
import { observe } from '../node/src/telemetry/observation.ts'
import { silentLog } from '../server/src/log.ts'
import { newRequestId, runRequest } from '../server/src/telemetry/request_scope.ts'
import { grant, registerServer } from '../tests/support/flow.ts'
import { createTestDatabase, type TestDatabase } from '../tests/support/postgres.ts'
import { createClock, createTestServer, type TestServer } from '../tests/support/server.ts'
import { median } from './statistics.ts'

const ROUNDS = 11
/** Nobody listens there: spans are made, kept, serialized and lost. */
const NOWHERE = 'http://127.0.0.1:9'
const WAYS = ['nothing', 'metrics', 'traces'] as const
type Way = (typeof WAYS)[number]

/** In this process and in turns: the same server with nothing that watches, with metrics, and with traces of every request. */
it('what watching costs a request', async () => {
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = NOWHERE
  const database = await createTestDatabase()
  const clock = createClock()
  const servers = new Map<Way, TestServer>()
  for (const way of WAYS) servers.set(way, await start(way, database, clock))
  const [first] = servers.values()
  if (first === undefined) return
  const { key } = await registerServer(first)
  const { tokens } = await grant(first)
  const introspection = () => ({
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
    body: new URLSearchParams({ token: tokens.access_token }),
  })
  await compare('GET /health', 20_000, servers, (server) => server.fetch('/health'))
  await compare('POST /introspect', 3_000, servers, (server) => server.fetch('/introspect', introspection()))
  await showScope()
  await database.drop()
})

async function start(way: Way, database: TestDatabase, clock: TestServer['clock']): Promise<TestServer> {
  const metrics = way === 'metrics' ? { host: '127.0.0.1', port: undefined, token: undefined } : undefined
  const otelEndpoint = way === 'traces' ? NOWHERE : undefined
  const observation = await observe(
    { metrics, otelEndpoint, otelMetricsEndpoint: undefined, workers: 1 },
    silentLog,
  )
  const watched = { ...database, database: observation.database(database.database) }
  const options = { telemetry: observation.telemetry, log: silentLog }
  const server = await createTestServer(options, { database: watched, clock })
  const { fetch } = await observation.server(server.server, database.database)
  const info = { clientAddress: '127.0.0.1', loopback: true }
  return {
    ...server,
    fetch: async (path, init) => fetch(new Request(new URL(path, server.issuer), init), info),
  }
}

async function compare(
  name: string,
  times: number,
  servers: ReadonlyMap<Way, TestServer>,
  ask: (server: TestServer) => Promise<Response>,
): Promise<void> {
  const costs = new Map<Way, number[]>(WAYS.map((way) => [way, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [way, server] of servers) costs.get(way)?.push(await measure(times, () => ask(server)))
  }
  const shown = WAYS.map((way) => `${way} ${median(costs.get(way) ?? []).toFixed(2)} µs`)
  console.log(`${name}, CPU a request: ${shown.join(', ')}`)
}

/** The id, and what carries it along, beside the same work without. */
async function showScope(): Promise<void> {
  const work = async () => 1
  const costs: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    costs[0].push(await measure(200_000, work))
    costs[1].push(await measure(200_000, () => runRequest({ requestId: newRequestId() }, work)))
  }
  console.log(`The id of a request: ${(median(costs[1]) - median(costs[0])).toFixed(2)} µs`)
}

/** CPU of this process for each time, in microseconds. */
async function measure(times: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let time = 0; time < times; time += 1) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / times
}
