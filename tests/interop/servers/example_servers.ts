import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { createApp } from '../../../examples/notes-server/src/app.ts'
import { Notes } from '../../../examples/notes-server/src/notes.ts'
import { registerServer } from '../../support/flow.ts'
import { findFreePort } from '../../support/loopback.ts'
import { findPython } from '../../support/python.ts'
import type { TestServer } from '../../support/server.ts'
import { waitUntilServed } from './requests.ts'

export type Validation = 'introspect' | 'local'

/** An example of ours that runs, protected by its SDK. */
export interface ExampleServer {
  /** Where clients connect. */
  url: string
  serverId: string
  apiKey: string
  close(): Promise<void>
}

/** What a client does with an example. */
export interface Example {
  name: string
  start(authServer: TestServer, validation: Validation): Promise<ExampleServer>
  scopes: { read: string; write: string }
  /** A call that needs the first scope, and what its answer contains. */
  read: { tool: string; args: Record<string, unknown>; answer: string }
  /** A call that needs the second. */
  write: { tool: string; args: Record<string, unknown>; answer: string }
  /** As the consent page describes them. */
  descriptions: { read: string; write: string }
}

/** `examples/filesystem-server`, in Python. */
export const filesystem: Example = {
  name: 'filesystem-server',
  start: startFilesystemServer,
  scopes: { read: 'files:read', write: 'files:write' },
  read: { tool: 'list_files', args: {}, answer: '' },
  write: { tool: 'write_file', args: { path: 'a.txt', content: 'hello' }, answer: 'Wrote 5 bytes to a.txt.' },
  descriptions: { read: 'List, read and search files', write: 'Write and delete files' },
}

/** `examples/notes-server`, in TypeScript. */
export const notes: Example = {
  name: 'notes-server',
  start: startNotesServer,
  scopes: { read: 'notes:read', write: 'notes:write' },
  read: { tool: 'list_notes', args: {}, answer: '[' },
  write: { tool: 'save_note', args: { title: 'plan', text: 'rest' }, answer: "Saved 'plan'." },
  descriptions: { read: 'Read your notes', write: 'Write notes' },
}

async function startFilesystemServer(authServer: TestServer, validation: Validation): Promise<ExampleServer> {
  const { url, port, ...registered } = await register(authServer, filesystem)
  const root = await mkdtemp(join(tmpdir(), 'filesystem-server-'))
  const child = spawn(findPython(), ['-m', 'filesystem_server'], {
    cwd: root,
    env: {
      ...process.env,
      AUTH_AGENT_URL: authServer.issuer,
      AUTH_AGENT_SERVER_ID: registered.serverId,
      AUTH_AGENT_API_KEY: registered.apiKey,
      SERVER_URL: url,
      ROOT: join(root, 'files'),
      VALIDATION: validation,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  await waitUntilServed(url, child)
  return {
    url,
    ...registered,
    async close() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function startNotesServer(authServer: TestServer, validation: Validation): Promise<ExampleServer> {
  const { url, port, ...registered } = await register(authServer, notes)
  const database = new Notes(':memory:')
  const settings = {
    authServer: authServer.issuer,
    ...registered,
    serverUrl: new URL(url),
    database: ':memory:',
    validation,
  }
  const { app, close } = createApp(settings, database)
  const http = serve({ fetch: app.fetch, hostname: '127.0.0.1', port, overrideGlobalObjects: false })
  await once(http, 'listening')
  return {
    url,
    ...registered,
    async close() {
      await close()
      http.close()
      if ('closeAllConnections' in http) http.closeAllConnections()
      database.close()
    },
  }
}

async function register(authServer: TestServer, { scopes, descriptions, name }: Example) {
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}/mcp`
  const { server_id, key } = await registerServer(authServer, {
    server_url: url,
    server_name: name,
    scopes: [
      { name: scopes.read, description: descriptions.read },
      { name: scopes.write, description: descriptions.write },
    ],
  })
  return { url, port, serverId: server_id, apiKey: key }
}
