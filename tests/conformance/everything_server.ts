import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type Protect, type ProtectOptions, protect } from '@auth-agent/mcp/hono'
import { serve } from '@hono/node-server'
import {
  createMcpHandler,
  createRequestStateCodec,
  hostHeaderValidationResponse,
  InMemoryServerEventBus,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
  type ServerNotifier,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { registerContentTools } from './everything/content_tools.ts'
import { registerInputTools, type State } from './everything/input_tools.ts'
import { registerPrompts } from './everything/prompts.ts'
import { registerResources, registerSubscriptions } from './everything/resources.ts'
import { Sessions } from './everything/sessions.ts'
import { Signals } from './everything/signals.ts'
import { registerStreamingTools } from './everything/streaming_tools.ts'

/** In bytes; more than what the tests send. */
const MAX_BODY_SIZE = 16 * 1024 * 1024

/**
 * Serves what the conformance suite calls, with the official SDK: 2026-07-28 without sessions, older revisions in
 * sessions. At `http://127.0.0.1:<port>/mcp`; protected by our SDK where there are options.
 */
export async function startEverythingServer(
  port: number,
  options?: ProtectOptions,
): Promise<{ close(): Promise<void> }> {
  const protection = options && protect(options)
  const mcp = createMcpEndpoint()
  const app = createApp(mcp.answer, protection)
  const http = serve({ fetch: app.fetch, hostname: '127.0.0.1', port, overrideGlobalObjects: false })
  await once(http, 'listening')
  return {
    async close() {
      protection?.close()
      await mcp.close()
      http.close()
      if ('closeAllConnections' in http) http.closeAllConnections()
    },
  }
}

function createApp(answerMcp: (request: Request) => Promise<Response>, protection?: Protect): Hono {
  const app = new Hono()
  if (protection !== undefined) app.use('*', protection)
  app.all('/mcp', (c) => answerMcp(c.req.raw))
  // What arrives behind the middleware, to the byte.
  app.post('/digest', async (c) =>
    c.text(
      createHash('sha256')
        .update(Buffer.from(await c.req.raw.arrayBuffer()))
        .digest('hex'),
    ),
  )
  return app
}

function createMcpEndpoint() {
  const signals = new Signals()
  const state = createRequestStateCodec<State>({ key: randomBytes(32) })
  const bus = new InMemoryServerEventBus()
  const changes: ServerNotifier = {
    toolsChanged: () => bus.publish({ kind: 'tools_list_changed' }),
    promptsChanged: () => bus.publish({ kind: 'prompts_list_changed' }),
    resourcesChanged: () => bus.publish({ kind: 'resources_list_changed' }),
    resourceUpdated: (uri) => bus.publish({ kind: 'resource_updated', uri }),
  }
  const createServer = () => {
    const server = new McpServer(
      { name: 'everything', version: '1.0.0' },
      {
        capabilities: { logging: {}, resources: { subscribe: true }, tools: { listChanged: true } },
        requestState: { verify: state.verify },
      },
    )
    registerContentTools(server)
    registerStreamingTools(server, signals, changes)
    registerInputTools(server, state)
    registerResources(server)
    registerSubscriptions(server)
    registerPrompts(server)
    return server
  }
  const sessions = new Sessions(createServer, MAX_BODY_SIZE)
  const sessionless = createMcpHandler(createServer, {
    legacy: 'reject',
    bus,
    maxRequestBodySize: MAX_BODY_SIZE,
  })
  return {
    async answer(request: Request): Promise<Response> {
      const rejected =
        hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
        originValidationResponse(request, localhostAllowedOrigins())
      if (rejected !== undefined) return rejected
      const legacy = await isLegacyRequest(request, undefined, { maxRequestBodySize: MAX_BODY_SIZE })
      return legacy ? sessions.answer(request) : sessionless.fetch(request)
    },
    async close() {
      await sessions.close()
      await sessionless.close()
    },
  }
}
