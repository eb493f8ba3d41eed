import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ProtectOptions } from '@auth-agent/mcp/hono'
import { grant, registerServer } from '../support/flow.ts'
import { findFreePort } from '../support/loopback.ts'
import { findPython } from '../support/python.ts'
import type { TestServer } from '../support/server.ts'
import { type Adapter, startEverythingServer } from './everything_server.ts'

/** Starts an everything server on a port, protected where there are options. */
export type Start = (port: number, options?: ProtectOptions) => Promise<{ close(): Promise<void> | void }>

/** A server that is tested. */
export interface Subject {
  /** Of its MCP endpoint. */
  url: string
  /** Of what answers with the digest of what it was sent. */
  digestUrl: string
  close(): Promise<void> | void
}

/** One that wants a token, and a token for it. */
export interface ProtectedSubject extends Subject {
  token: string
}

/** The official SDK in TypeScript, behind one of our adapters. */
export const startTypeScript =
  (adapter: Adapter): Start =>
  (port, options) =>
    startEverythingServer(adapter, port, options)

/** The official SDK in Python, behind our middleware. */
export const startPython: Start = async (port, options) => {
  const child = spawn(
    findPython(),
    [fileURLToPath(new URL('everything_server.py', import.meta.url)), String(port)],
    {
      env: { ...process.env, ...(options && { PROTECT: JSON.stringify(inSnakeCase(options)) }) },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  while (!(await fetch(`http://127.0.0.1:${port}/mcp`).catch(() => false))) {
    if (child.exitCode !== null) throw new Error(`The server in Python ended with ${child.exitCode}.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    async close() {
      // Streams that clients left open are not waited for.
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Every tool needs a scope, which the token has: all that the middleware does for a table is done, and all is let through. */
export const WITH_TOOL_SCOPES = {
  validation: 'local',
  requiredScopes: ['tools:list'],
  toolScopes: { 'test_*': ['tools:call'], digest: ['tools:call'], '*': ['tools:call'] },
  filterTools: true,
} satisfies Partial<ProtectOptions>

/** What protects in three lines. */
export const WITHOUT_TOOL_SCOPES = {} satisfies Partial<ProtectOptions>

export async function startBare(start: Start): Promise<Subject> {
  const port = await findFreePort()
  return { ...urlsOf(port), ...(await start(port)) }
}

/** Registers it with the authorization server, and goes the way of a client to a token for it. */
export async function startProtected(
  start: Start,
  authServer: TestServer,
  options: Partial<ProtectOptions>,
): Promise<ProtectedSubject> {
  const port = await findFreePort()
  const urls = urlsOf(port)
  const { server_id, key } = await registerServer(authServer, {
    server_url: urls.url,
    server_name: 'Everything',
    scopes: [
      { name: 'tools:list', description: 'See the tools' },
      { name: 'tools:call', description: 'Call the tools' },
    ],
  })
  const { tokens } = await grant(authServer, {
    parameters: { resource: urls.url, scope: 'tools:list tools:call' },
  })
  const server = await start(port, {
    serverId: server_id,
    apiKey: key,
    authServer: authServer.issuer,
    ...options,
  })
  return { ...urls, ...server, token: tokens.access_token }
}

function urlsOf(port: number) {
  const origin = `http://127.0.0.1:${port}`
  return { url: `${origin}/mcp`, digestUrl: `${origin}/digest` }
}

/** The names that the options have in Python; what is below them is not a name of ours. */
function inSnakeCase(options: ProtectOptions): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      value,
    ]),
  )
}
