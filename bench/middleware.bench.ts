import autocannon from 'autocannon'
import { describe, it } from 'vitest'
import { grant, registerServer } from '../tests/support/flow.ts'
import { startListeningServer } from '../tests/support/listening_server.ts'
import { findFreePort } from '../tests/support/loopback.ts'
import { type BenchServer, type Kind, type Protection, startBenchServer } from './servers/start.ts'
import { median } from './statistics.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 6)
const SECONDS = Number(process.env['SECONDS'] ?? 6)
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
  const servers = [
    await startBenchServer(kind, bare, { ...environment, PROTECT: 'none' }),
    await startBenchServer(kind, guarded, { ...environment, PROTECT: protection }),
  ]
  try {
    for (const server of servers) await run(server, tokens.access_token, 3)
    const rounds: Round[][] = [[], []]
    for (let round = 0; round < ROUNDS; round += 1) {
      // First one, then the other one first: whoever comes second finds a warmer machine.
      const turns = [...servers.entries()]
      for (const [index, server] of round % 2 === 0 ? turns : turns.reverse()) {
        rounds[index]?.push(await run(server, tokens.access_token, SECONDS))
      }
    }
    report(`${kind}, ${protection}`, middle(rounds[0]), middle(rounds[1]))
  } finally {
    for (const server of servers) await server.close()
    await authServer.close()
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

function report(name: string, bare: Round, guarded: Round): void {
  const kept = (100 * guarded.requestsPerSecond) / bare.requestsPerSecond
  const micro = (seconds: number) => `${(seconds * 1e6).toFixed(0)} µs`
  console.log(
    `${name}: ${bare.requestsPerSecond.toFixed(0)} → ${guarded.requestsPerSecond.toFixed(0)} requests/s ` +
      `(${kept.toFixed(1)}% kept), CPU ${micro(bare.cpuPerRequest)} → ${micro(guarded.cpuPerRequest)} a request`,
  )
}
