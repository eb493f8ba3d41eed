import { requireBearerAuth as requireBearerAuthV1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import type { OAuthTokenVerifier as VerifierV1 } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  createMcpHandler,
  McpServer,
  type OAuthTokenVerifier,
  requireBearerAuth,
} from '@modelcontextprotocol/server'
import express from 'express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import * as forExpress from './express.ts'
import * as forFetch from './fetch.ts'
import {
  checkScopes,
  createTokenVerifier,
  createTokenVerifierV1,
  InsufficientScopeError,
  requireScopes,
} from './mcp.ts'
import { createFakeServer, type FakeServer } from './testing/authorization_server.ts'
import { type HttpServer, listen } from './testing/http_server.ts'

const TOOLS = { toolScopes: { read: ['files:read'], write: ['files:write'] }, filterTools: true }
const HEADERS = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' }

let server: FakeServer
let token: string
let http: HttpServer | undefined
beforeEach(async () => {
  server = await createFakeServer()
  // The official SDK compares the expiry with its own clock.
  server.platform.seconds = Math.floor(Date.now() / 1000)
  token = await server.sign()
})
afterEach(() => http?.close())

const message = (method: string, params: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const call = (name: string) => message('tools/call', { name, arguments: {} })

/** The messages of an answer, JSON or events. */
async function messagesOf(
  response: Response,
): Promise<{ result: { tools?: { name: string }[]; content?: { text: string }[]; isError?: boolean } }[]> {
  const text = await response.text()
  if (response.headers.get('Content-Type')?.startsWith('application/json')) return [JSON.parse(text)]
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data))
}

describe('SDK 1.x over Express', () => {
  function addTools(mcp: McpServerV1): McpServerV1 {
    const config = { description: 'A tool', inputSchema: { text: z.string().optional() } }
    mcp.registerTool('read', config, async (_args, { authInfo }) => ({
      content: [{ type: 'text', text: `${authInfo?.clientId} ${authInfo?.extra?.['userEmail']}` }],
    }))
    mcp.registerTool(
      'write',
      config,
      requireScopes('files:write')(async (_args, _extra) => ({ content: [] })),
    )
    return mcp
  }

  async function start(handlers: express.RequestHandler[], parses: boolean, json: boolean): Promise<string> {
    const app = express()
    app.use(handlers)
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: json })
      await addTools(new McpServerV1({ name: 'test', version: '1' })).connect(
        transport as Parameters<McpServerV1['connect']>[0],
      )
      await transport.handleRequest(req, res, parses ? req.body : undefined)
    })
    http = await listen(app)
    return `${http.url}/mcp`
  }

  const post = (url: string, body: string, bearer = token) =>
    fetch(url, { method: 'POST', headers: { ...HEADERS, Authorization: `Bearer ${bearer}` }, body })

  test.each([
    ['the transport reads the body, and answers with events', false, false],
    ['the transport reads the body, and answers with JSON', false, true],
    ['express.json() comes after', true, false],
  ])('protect: %s', async (_, parses, json) => {
    const protect = forExpress.protect(server.protect(TOOLS))
    const url = await start(parses ? [protect, express.json()] : [protect], parses, json)
    const [read] = await messagesOf(await post(url, call('read')))
    expect(read?.result.content?.[0]?.text).toBe('client_1 ada@example.com')
    expect((await post(url, call('write'))).status).toBe(403)
    const [list] = await messagesOf(await post(url, message('tools/list')))
    expect(list?.result.tools?.map(({ name }) => name)).toEqual(['read'])
  })

  test.each([true, false])('a session is no use to another person (JSON: %s)', async (json) => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      enableJsonResponse: json,
    })
    await addTools(new McpServerV1({ name: 'test', version: '1' })).connect(
      transport as Parameters<McpServerV1['connect']>[0],
    )
    const app = express().use(forExpress.protect(server.protect(TOOLS)))
    app.all('/mcp', (req, res) => transport.handleRequest(req, res))
    http = await listen(app)
    const { url } = http
    const send = (method: string, bearer: string, session: string | null, body?: string) =>
      fetch(`${url}/mcp`, {
        method,
        headers: {
          ...HEADERS,
          Authorization: `Bearer ${bearer}`,
          ...(session && { 'Mcp-Session-Id': session }),
        },
        ...(body !== undefined && { body }),
      })
    const client = {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    }
    const opened = await send('POST', token, null, message('initialize', client))
    const session = opened.headers.get('Mcp-Session-Id')
    expect(session).toMatch(/./)
    await opened.text()
    const thief = await server.sign({ sub: 'user_2' })
    expect((await send('POST', thief, session, call('read'))).status).toBe(404)
    expect((await send('DELETE', thief, session)).status).toBe(404)
    expect((await send('GET', thief, session)).status).toBe(404)
    const [read] = await messagesOf(await send('POST', await server.sign(), session, call('read')))
    expect(read?.result.content?.[0]?.text).toBe('client_1 ada@example.com')
  })

  test('requireBearerAuth with our verifier', async () => {
    const verifier = createTokenVerifierV1(
      server.protect({ scopeHierarchy: { 'files:read': ['files:list'] } }),
    ) satisfies VerifierV1
    const handler = requireBearerAuthV1({
      verifier,
      requiredScopes: ['files:list'],
      expectedResource: new URL('https://mcp.example/mcp'),
      resourceMetadataUrl: 'https://mcp.example/.well-known/oauth-protected-resource/mcp',
    }) as express.RequestHandler
    const url = await start([handler], false, true)
    expect((await post(url, call('read'))).status).toBe(200)
    const [write] = await messagesOf(await post(url, call('write')))
    expect(write?.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/files:write/) }],
    })
    const revoked = await server.sign()
    server.revoked.add(revoked)
    expect((await post(url, call('read'), revoked)).status).toBe(401)
    server.down.add('introspect')
    expect((await post(url, call('read'), await server.sign())).status).toBe(500)
  })
})

describe('SDK 2.x over fetch', () => {
  function createHandler() {
    return createMcpHandler(() => {
      const mcp = new McpServer({ name: 'test', version: '1' })
      const config = { description: 'A tool', inputSchema: z.object({ text: z.string().optional() }) }
      mcp.registerTool('read', config, async (_args, ctx) => ({
        content: [{ type: 'text', text: `${ctx.http?.authInfo?.clientId}` }],
      }))
      mcp.registerTool(
        'write',
        config,
        requireScopes('files:write')(async (_args, _ctx) => ({ content: [] })),
      )
      return mcp
    })
  }

  const request = (body: string, bearer = token) =>
    new Request('https://mcp.example/mcp', {
      method: 'POST',
      headers: { ...HEADERS, Authorization: `Bearer ${bearer}` },
      body,
    })

  test('protect', async () => {
    const mcp = createHandler()
    const handler = forFetch.protect(server.protect(TOOLS))((given, auth) =>
      mcp.fetch(given, auth === undefined ? {} : { authInfo: auth }),
    )
    const [read] = await messagesOf(await handler(request(call('read'))))
    expect(read?.result.content?.[0]?.text).toBe('client_1')
    expect((await handler(request(call('write')))).status).toBe(403)
    const [list] = await messagesOf(await handler(request(message('tools/list'))))
    expect(list?.result.tools?.map(({ name }) => name)).toEqual(['read'])
  })

  test('requireBearerAuth with our verifier', async () => {
    const mcp = createHandler()
    const verifier = createTokenVerifier(server.protect()) satisfies OAuthTokenVerifier
    const gate = requireBearerAuth({ verifier, expectedResource: new URL('https://mcp.example/mcp') })
    const send = async (sent: Request) => {
      const auth = await gate(sent)
      return auth instanceof Response ? auth : mcp.fetch(sent, { authInfo: auth })
    }
    expect((await send(request(call('read')))).status).toBe(200)
    const [write] = await messagesOf(await send(request(call('write'))))
    expect(write?.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/files:write/) }],
    })
    const bound = await server.sign({ cnf: { jkt: 'abc' } })
    expect((await send(request(call('read'), bound))).status).toBe(401)
    server.down.add('introspect')
    expect((await send(request(call('read'), await server.sign()))).status).toBe(500)
  })
})

describe('checkScopes', () => {
  const held = { scopes: ['files:read'] }

  test.each([
    ['what protect made', held],
    ['extra of 1.x', { authInfo: held }],
    ['ctx of 2.x', { http: { authInfo: held } }],
  ])('takes %s', (_, asks) => {
    expect(() => checkScopes(asks, 'files:read')).not.toThrow()
    expect(() => checkScopes(asks, 'files:read', 'files:write')).toThrow(InsufficientScopeError)
  })

  test('nobody has no scopes, and no scope is no check', () => {
    for (const nobody of [undefined, {}, { authInfo: undefined }, { http: {} }]) {
      expect(() => checkScopes(nobody, 'files:read')).toThrow(/the scope files:read/)
    }
    expect(() => checkScopes(held)).toThrow(TypeError)
    expect(() => requireScopes('')).toThrow(TypeError)
  })
})
