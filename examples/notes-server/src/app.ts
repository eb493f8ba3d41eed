import { protect } from '@auth-agent/mcp/hono'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import type { Notes } from './notes.ts'
import type { Settings } from './settings.ts'
import { createNotesServer, TOOL_SCOPES } from './tools.ts'

/** An MCP server at the path of `serverUrl`, whose users see their own notes. */
export function createApp({ authServer, serverId, apiKey, serverUrl, validation }: Settings, notes: Notes) {
  const protection = protect({
    authServer,
    serverId,
    apiKey,
    validation,
    requiredScopes: ['notes:read'],
    toolScopes: TOOL_SCOPES,
    // What a person may write, they may read; what they may delete, they may write.
    scopeHierarchy: { 'notes:delete': ['notes:write'], 'notes:write': ['notes:read'] },
  })
  const mcp = createMcpHandler(({ authInfo }) => createNotesServer(notes, ownerOf(authInfo)))
  const app = new Hono()
  app.use('*', protection)
  app.all(serverUrl.pathname, (c) => mcp.fetch(c.req.raw, { authInfo: c.get('auth') }))
  return { app, close: () => protection.close() }
}

/** Notes belong to the person, whichever client they use. */
function ownerOf(authInfo: unknown): string {
  const { subject } = authInfo as { subject: string }
  return subject
}
