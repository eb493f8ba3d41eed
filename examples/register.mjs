#!/usr/bin/env node
/**
 * Registers the example in the current folder with the authorization server, unless its address is registered already,
 * makes a key for it, and writes its `.env`.
 *
 * It reads `.env.example` for the address, and `register.json` for the name and the scopes. The management token
 * comes from AUTH_AGENT_ADMIN_TOKEN, or from `.admin-token` in the folder of the repository.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

async function main() {
  if (existsSync('.env')) stop('.env is here already: remove it to register again.')
  const example = readFileSync('.env.example', 'utf8')
  const setting = (name) => process.env[name] ?? new RegExp(`^${name}=(.*)$`, 'm').exec(example)?.[1]
  const authServer = setting('AUTH_AGENT_URL')
  const registration = JSON.parse(readFileSync('register.json', 'utf8'))
  const manage = callApi(authServer, readAdminToken())
  const serverUrl = setting('SERVER_URL')
  const { servers } = await manage('/api/servers?limit=100')
  const known = servers.find(({ server_url }) => server_url === serverUrl)
  const server = known ?? (await manage('/api/servers', { server_url: serverUrl, ...registration }))
  const key = await manage(`/api/servers/${server.server_id}/keys`, { name: 'example' })
  const values = {
    AUTH_AGENT_URL: authServer,
    AUTH_AGENT_SERVER_ID: server.server_id,
    AUTH_AGENT_API_KEY: key.key_secret,
    SERVER_URL: server.server_url,
  }
  const env = Object.entries(values).reduce(
    (text, [name, value]) => text.replace(new RegExp(`^${name}=.*$`, 'm'), () => `${name}=${value}`),
    example,
  )
  writeFileSync('.env', env, { mode: 0o600, flag: 'wx' })
  const what = known ? 'Made another key for' : 'Registered'
  console.log(`${what} ${server.server_url} as ${server.server_id}, and wrote .env.`)
}

function readAdminToken() {
  const file = join(ROOT, '.admin-token')
  const token = process.env.AUTH_AGENT_ADMIN_TOKEN ?? (existsSync(file) ? readFileSync(file, 'utf8') : '')
  if (token.trim() === '') stop('Set AUTH_AGENT_ADMIN_TOKEN to the one that the server was started with.')
  return token.trim()
}

/** Of the management API (`/api/openapi.json`): posts where there is a body, and gets otherwise. */
function callApi(authServer, token) {
  return async (path, body) => {
    const response = await fetch(authServer + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => stop(`${authServer} does not answer: start it with \`npm start\`.`))
    const answer = await response.json()
    if (!response.ok) stop(`${authServer} refused: ${answer.error_description ?? response.status}`)
    return answer
  }
}

function stop(sentence) {
  console.error(sentence)
  process.exit(1)
}

await main()
