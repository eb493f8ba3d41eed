import { randomUUID } from 'node:crypto'
import { createBrowser } from './browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  MCP_URL,
  refresh,
  registerClient,
} from './flow.ts'
import { registerClientByApi } from './registered_client.ts'
import type { TestServer } from './server.ts'

/** An MCP server, an API key of it, and a machine that may ask for tokens there. */
export interface FlowWorld {
  key: string
  machine: { client_id: string; client_secret?: string }
}

/** An app on the web: it is not asked about again once a person approved it. */
const WEB_APP = 'https://app.example.com/callback'

/** Registers a machine beside an MCP server that is registered. */
export async function prepareFlows(
  server: TestServer,
  { server_id, key }: { server_id: string; key: string },
): Promise<FlowWorld> {
  const machine = await registerClientByApi(server, {
    grant_types: ['client_credentials'],
    servers: [{ server_id, scopes: ['files:read'] }],
  })
  return { key, machine }
}

/** Whatever clients and MCP servers ask of the authorization server, each kind of request once or more. */
export async function runFlows(server: TestServer, world: FlowWorld): Promise<void> {
  const browser = createBrowser(server)
  // Nobody has approved it yet.
  const client_name = `Client ${randomUUID()}`
  const clientId = await registerClient(server, { client_name, redirect_uris: [WEB_APP] })
  const parameters = { redirect_uri: WEB_APP }
  const granted = await grant(server, { browser, clientId, parameters })
  // What was approved before is not asked about again.
  await authorize(server, authorizeUrl(clientId, createPkce(), parameters), { browser })
  server.clock.advance(1_800)
  const { body: before } = await refresh(server, granted, granted.tokens.refresh_token)
  server.clock.advance(1)
  const { body: refreshed } = await refresh(server, granted, before.refresh_token)
  // Another process of the client had the same thought.
  await refresh(server, granted, before.refresh_token)
  await requestMachineToken(server, world)
  await requestMachineToken(server, world, { resource: MCP_URL })
  await introspect(server, world.key, refreshed.access_token)
  await introspect(server, world.key, refreshed.access_token)
  await revoke(server, refreshed.access_token, { client_id: clientId })
  await revoke(server, granted.tokens.access_token, {}, { Authorization: `Bearer ${world.key}` })
  await revoke(server, refreshed.refresh_token, { client_id: clientId })
  // More than the second for which what was read is good enough.
  server.clock.advance(1)
  await server.fetch('/revocations', { headers: { Authorization: `Bearer ${world.key}` } })
  await server.fetch('/userinfo', { headers: { Authorization: `Bearer ${granted.tokens.access_token}` } })
}

async function requestMachineToken(server: TestServer, { machine }: FlowWorld, more = {}): Promise<void> {
  const { client_id, client_secret = '' } = machine
  const Authorization = `Basic ${btoa(`${client_id}:${client_secret}`)}`
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...more })
  await succeed(server.fetch('/token', { method: 'POST', body, headers: { Authorization } }))
}

async function revoke(
  server: TestServer,
  token: string,
  more: Record<string, string>,
  headers = {},
): Promise<void> {
  const body = new URLSearchParams({ token, ...more })
  await succeed(server.fetch('/revoke', { method: 'POST', body, headers }))
}

async function succeed(asked: Promise<Response>): Promise<void> {
  const answer = await asked
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
}
