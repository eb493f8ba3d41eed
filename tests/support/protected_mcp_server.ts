import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { registerServer } from './flow.ts'
import { listenOnLoopback } from './loopback.ts'
import type { TestServer } from './server.ts'

/** An MCP server that is protected by an authorization server of ours, by the book of MCP's authorization chapter. */
export interface ProtectedMcpServer {
  /** Where clients connect. */
  url: string
  serverId: string
  /** The API key with which it introspects. */
  key: string
  /** Status of every answer of its MCP endpoint, oldest first. */
  statuses: number[]
  close(): Promise<void>
}

/** What each tool needs. */
const TOOL_SCOPES: Readonly<Record<string, string>> = { read_file: 'files:read', write_file: 'files:write' }
const METADATA_PATH = '/.well-known/oauth-protected-resource/mcp'

const introspectionSchema = z.object({
  active: z.boolean(),
  scope: z.string().default(''),
  client_id: z.string().default(''),
  email: z.string().optional(),
  exp: z.number().optional(),
})
type Introspection = z.infer<typeof introspectionSchema>

/** Starts it, and registers it with the authorization server under the address that it got. */
export async function startProtectedMcpServer(server: TestServer): Promise<ProtectedMcpServer> {
  const statuses: number[] = []
  let registered = { server_id: '', key: '' }
  const loopback = await listenOnLoopback(async (port) => {
    const origin = `http://127.0.0.1:${port}`
    registered = await registerServer(server, { server_url: `${origin}/mcp` })
    const metadata = await server.fetch(`/.well-known/oauth-protected-resource/${registered.server_id}`)
    const document = await metadata.text()
    const answerMcp = createMcpEndpoint(`${origin}${METADATA_PATH}`, (token) =>
      introspect(server, registered.key, token),
    )
    return async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === METADATA_PATH) return json(200, document)
      if (pathname !== '/mcp') return json(404, '{}')
      const response = await answerMcp(request)
      statuses.push(response.status)
      return response
    }
  })
  const url = `http://127.0.0.1:${loopback.port}/mcp`
  return { url, serverId: registered.server_id, key: registered.key, statuses, close: loopback.close }
}

/** 401 without a good token, 403 without the scope that the tool needs, and what the SDK answers otherwise. */
function createMcpEndpoint(
  resourceMetadata: string,
  check: (token: string) => Promise<Introspection>,
): (request: Request) => Promise<Response> {
  const mcp = createMcpHandler(({ authInfo }) => createFileServer(String(authInfo?.extra?.['email'])))
  const challenge = (parameters: string) => ({
    'WWW-Authenticate': `Bearer ${parameters}, resource_metadata="${resourceMetadata}"`,
  })
  return async (request) => {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.get('Authorization') ?? '') ?? []
    if (token === undefined) return json(401, '{}', challenge('scope="files:read"'))
    const { active, scope, client_id, email, exp } = await check(token)
    if (!active) return json(401, '{}', challenge('error="invalid_token", scope="files:read"'))
    const parsedBody: unknown = request.method === 'POST' ? await request.json() : undefined
    const needed = scopeOf(parsedBody)
    const scopes = scope.split(' ')
    if (!scopes.includes(needed))
      return json(403, '{}', challenge(`error="insufficient_scope", scope="${needed}"`))
    const authInfo = { token, clientId: client_id, scopes, extra: { email }, ...(exp && { expiresAt: exp }) }
    return mcp.fetch(request, { authInfo, parsedBody })
  }
}

const toolCallSchema = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) })

/** Whatever is no call of a tool needs what reading needs. */
function scopeOf(message: unknown): string {
  const call = toolCallSchema.safeParse(message)
  return TOOL_SCOPES[call.data?.params.name ?? 'read_file'] ?? 'files:read'
}

function createFileServer(email: string): McpServer {
  const mcp = new McpServer({ name: 'files', version: '1.0.0' })
  for (const [name, scope] of Object.entries(TOOL_SCOPES)) {
    mcp.registerTool(name, { description: `Needs ${scope}` }, () => ({
      content: [{ type: 'text', text: `${name} for ${email}` }],
    }))
  }
  return mcp
}

async function introspect(server: TestServer, key: string, token: string): Promise<Introspection> {
  const response = await server.fetch('/introspect', {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}` },
    body: new URLSearchParams({ token }),
  })
  return introspectionSchema.parse(await response.json())
}

function json(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { status, headers: { 'Content-Type': 'application/json', ...headers } })
}
