import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { protect as protectExpress } from '@auth-agent/mcp/express'
import { type ProtectOptions, protect } from '@auth-agent/mcp/hono'
import { getRequestListener } from '@hono/node-server'
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
import express from 'express'
import { Hono, type MiddlewareHandler } from 'hono'
import { registerContentTools } from './everything/content_tools.ts'
import { registerInputTools, type State } from './everything/input_tools.ts'
import { registerPrompts } from './everything/prompts.ts'
import { registerResources, registerSubscriptions } from './everything/resources.ts'
import { Sessions } from './everything/sessions.ts'
import { Signals } from './everything/signals.ts'
import { registerStreamingTools } from './everything/streaming_tools.ts'

/** In bytes; more than what the tests send. */
const MAX_BODY_SIZE = 16 * 1024 * 1024

/** With which of our SDK's adapters. */
export type Adapter = 'hono' | 'express'

/**
 * Serves what the conformance suite calls, with the official SDK: 2026-07-28 without sessions, older revisions in
 * sessions. At `http://127.0.0.1:<port>/mcp`; protected by our SDK where there are options.
 */
export async function startEverythingServer(
  adapter: Adapter,
  port: number,
  options?: ProtectOptions,
): Promise<{ close(): Promise<void> }> {
  const mcp = createMcpEndpoint()
  const { listener, protection } = ADAPTERS[adapter](mcp.answer, options)
  const http = createServer(listener).listen(port, '127.0.0.1')
  await once(http, 'listening')
  return {
    async close() {
      protection?.close()
      await mcp.close()
      http.close()
      http.closeAllConnections()
    },
  }
}

type AnswerMcp = (request: Request) => Promise<Response>
type Adapted = { listener: RequestListener; protection: { close(): void } | undefined }

const ADAPTERS: Record<Adapter, (answerMcp: AnswerMcp, options?: ProtectOptions) => Adapted> = {
  hono(answerMcp, options) {
    const protection = options && protect(options)
    const app = createApp(answerMcp, ...(protection ? [protection] : []))
    return { listener: listen(app), protection }
  },
  express(answerMcp, options) {
    const protection = options && protectExpress(options)
    const app = express()
    if (protection !== undefined) app.use(protection)
    app.post('/digest', async (req, res) => {
      const hash = createHash('sha256')
      for await (const piece of req) hash.update(piece)
      res.end(hash.digest('hex'))
    })
    app.use(listen(createApp(answerMcp)))
    return { listener: app, protection }
  },
}

function listen(app: Hono): RequestListener {
  // What else runs in the process of a test keeps the platform's own Request and Response.
  return getRequestListener(app.fetch, { overrideGlobalObjects: false })
}

function createApp(answerMcp: AnswerMcp, ...middleware: MiddlewareHandler[]): Hono {
  const app = new Hono()
  for (const one of middleware) app.use('*', one)
  app.all('/mcp', (c) => answerMcp(c.req.raw))
  // What arrives behind the middleware, to the byte.
  app.post('/digest', async (c) => {
    const bytes = new Uint8Array(await c.req.raw.arrayBuffer())
    return c.text(createHash('sha256').update(bytes).digest('hex'))
  })
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
  const createMcpServer = () => {
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
  const sessions = new Sessions(createMcpServer, MAX_BODY_SIZE)
  const sessionless = createMcpHandler(createMcpServer, {
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
