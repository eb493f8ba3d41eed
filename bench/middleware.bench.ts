import autocannon from 'autocannon'
import { describe, it } from 'vitest'
import { grant, registerServer } from '../tests/support/flow.ts'
import { startListeningServer } from '../tests/support/listening_server.ts'
import { findFreePort } from '../tests/support/loopback.ts'
import { type BenchServer, type Kind, type Protection, startBenchServer } from './servers/start.ts'
import { median } from './statistics.ts'

/** Two processes of one program differ by a few in a hundred, by where their memory happens to lie. */
const PAIRS = Number(process.env['PAIRS'] ?? 5)
const ROUNDS = Number(process.env['ROUNDS'] ?? 4)
const SECONDS = Number(process.env['SECONDS'] ?? 3)
const CONNECTIONS = 16

/**
 * What the middleware costs on a real call of an MCP tool: throughput and CPU for each request, beside the same server
 * without it, in turns in one run, so that what else the machine does falls on both.
 */
describe.each(['FastAPI', 'FastAPI, lean', 'Hono'] as const)('%s', (kind) => {
  it.each(['local', 'introspect'] as const)('%s: beside the server without it', (protection) =>
    compare(kind, protection),
  )
})

interface Round {
  requestsPerSecond: number
  cpuPerRequest: number
}

async function compare(kind: Kind, protection: Protection): Promise<void> {
  const authServer = await startListeningServer()
  const [bare, guarded] = [await findFreePort(), await findFreePort()]
  const url = `http://127.0.0.1:${guarded}/mcp`
  const { server_id, key } = await registerServer(authServer, { server_url: url })
  const { tokens } = await grant(authServer, { parameters: { resource: url, scope: 'files:read' } })
  const environment = {
    AUTH_AGENT_URL: authServer.issuer,
    AUTH_AGENT_SERVER_ID: server_id,
    AUTH_AGENT_API_KEY: key,
  }
  const rounds: Round[][] = [[], []]
  try {
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const servers = [
        await startBenchServer(kind, bare, { ...environment, PROTECT: 'none' }),
        await startBenchServer(kind, guarded, { ...environment, PROTECT: protection }),
      ]
      try {
        await takeTurns(servers, tokens.access_token, rounds)
      } finally {
        for (const server of servers) await server.close()
      }
    }
    report(`${kind}, ${protection}`, rounds)
  } finally {
    await authServer.close()
  }
}

async function takeTurns(servers: readonly BenchServer[], token: string, rounds: Round[][]): Promise<void> {
  for (const server of servers) await run(server, token, SECONDS)
  for (let round = 0; round < ROUNDS; round += 1) {
    // First one, then the other one first: whoever comes second finds a warmer machine.
    const turns = [...servers.entries()]
    for (const [index, server] of round % 2 === 0 ? turns : turns.reverse()) {
      rounds[index]?.push(await run(server, token, SECONDS))
    }
  }
}

async function run(server: BenchServer, token: string, duration: number): Promise<Round> {
  const before = await server.cpuSeconds()
  const result = await autocannon({
    url: server.url,
    connections: CONNECTIONS,
    duration,
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': 'tools/call',
      'Mcp-Name': 'add',
    },
    body: JSON.stringify(CALL),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were no success, and ${result.errors} requests failed.`)
  const used = (await server.cpuSeconds()) - before
  return {
    requestsPerSecond: result.requests.total / result.duration,
    cpuPerRequest: used / result.requests.total,
  }
}

const CALL = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'add',
    arguments: { a: 1, b: 2 },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
}

function middle(rounds: readonly Round[] | undefined): Round {
  const of = (key: keyof Round) => median((rounds ?? []).map((round) => round[key]))
  return { requestsPerSecond: of('requestsPerSecond'), cpuPerRequest: of('cpuPerRequest') }
}

/** What is kept is the median of the turns' own ratios, since the machine itself gets faster and slower meanwhile. */
function report(name: string, rounds: readonly (readonly Round[])[]): void {
  const [bare, guarded] = [middle(rounds[0]), middle(rounds[1])]
  const ratios = (rounds[0] ?? []).map(
    (round, turn) => (rounds[1]?.[turn]?.requestsPerSecond ?? Number.NaN) / round.requestsPerSecond,
  )
  const kept = 100 * median(ratios)
  const micro = (seconds: number) => `${(seconds * 1e6).toFixed(0)} µs`
  console.log(
    `${name}: ${bare.requestsPerSecond.toFixed(0)} → ${guarded.requestsPerSecond.toFixed(0)} requests/s ` +
      `(${kept.toFixed(1)}% kept), CPU ${micro(bare.cpuPerRequest)} → ${micro(guarded.cpuPerRequest)} a request`,
  )
}
