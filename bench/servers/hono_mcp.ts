import { protect } from '@auth-agent/mcp/hono'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { z } from 'zod'

/** A Hono application with one MCP tool, protected as PROTECT says: none, introspect or local. */
const { env } = process
const validation = env['PROTECT']

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'bench', version: '1.0.0' })
  const inputSchema = z.object({ a: z.number(), b: z.number() })
  server.registerTool('add', { description: 'Add two numbers', inputSchema }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
  }))
  return server
})

const app = new Hono()
if (validation === 'introspect' || validation === 'local') {
  app.use(
    '*',
    protect({
      serverId: env['AUTH_AGENT_SERVER_ID'] ?? '',
      apiKey: env['AUTH_AGENT_API_KEY'] ?? '',
      authServer: env['AUTH_AGENT_URL'] ?? '',
      validation,
    }),
  )
}
app.all('/mcp', (c) => mcp.fetch(c.req.raw))

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(env['PORT']) })
