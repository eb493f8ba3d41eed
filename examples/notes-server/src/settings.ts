import { existsSync } from 'node:fs'

/** What the server is told by its environment, or by a file `.env` in the folder where it is started. */
export interface Settings {
  authServer: string
  serverId: string
  apiKey: string
  /** The address that MCP clients are given. */
  serverUrl: URL
  /** The SQLite file. */
  database: string
  validation: 'introspect' | 'local'
}

/** Throws an Error with one sentence where something is missing. */
export function readSettings(): Settings {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const { env } = process
  const [serverId, apiKey] = [env['AUTH_AGENT_SERVER_ID'], env['AUTH_AGENT_API_KEY']]
  if (!serverId || !apiKey) {
    throw new Error(
      'AUTH_AGENT_SERVER_ID and AUTH_AGENT_API_KEY are missing: run `node ../register.mjs` to get them.',
    )
  }
  const validation = env['VALIDATION'] ?? 'local'
  if (validation !== 'introspect' && validation !== 'local') {
    throw new Error('VALIDATION is either introspect or local.')
  }
  const serverUrl = env['SERVER_URL'] ?? 'http://localhost:3002/mcp'
  if (!/^https?:/.test(serverUrl) || !URL.canParse(serverUrl)) {
    throw new Error('SERVER_URL is a whole URL, such as http://localhost:3002/mcp.')
  }
  return {
    authServer: env['AUTH_AGENT_URL'] ?? 'http://localhost:8787',
    serverId,
    apiKey,
    serverUrl: new URL(serverUrl),
    database: env['DATABASE'] ?? './notes.sqlite',
    validation,
  }
}
