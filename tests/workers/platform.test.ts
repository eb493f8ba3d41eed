import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { OWNER, type TestServer } from '../support/server.ts'
import { startTestWorker, type TestWorker } from './workerd.ts'

let hook: Server
const taken: Record<string, unknown>[] = []
let worker: TestWorker

beforeAll(async () => {
  hook = createServer(async (request, response) => {
    taken.push((await json(request)) as Record<string, unknown>)
    response.writeHead(202).end()
  }).listen(0, '127.0.0.1')
  await once(hook, 'listening')
  const { port } = hook.address() as AddressInfo
  worker = await startTestWorker({ vars: { EMAIL_WEBHOOK_URL: `http://127.0.0.1:${port}/mail` } })
})
afterAll(async () => {
  hook.close()
  await worker.close()
})

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

it('a start that failed is not kept: the database comes back, and so does the server', async () => {
  await worker.relay.pause()
  const away = await worker.fetch('/ready')
  expect([away.status, away.headers.get('Retry-After')]).toEqual([503, '30'])
  await worker.relay.resume()
  expect((await worker.fetch('/ready')).status).toBe(200)
})

it.each([
  ['is away', () => worker.relay.pause()],
  ['hangs', async () => worker.relay.hang()],
])('while the database %s requests are refused in bounded time, and served again after', async (_how, go) => {
  await go()
  const paths = ['/ready', '/.well-known/oauth-protected-resource/srv_1', '/health']
  const statuses = paths.map(async (path) => (await worker.fetch(path)).status)
  expect(await Promise.all(statuses)).toEqual([503, 503, 200])
  await worker.relay.resume()
  expect((await worker.fetch('/ready')).status).toBe(200)
})

it('mail leaves after the answer, by the webhook', async () => {
  const browser = createBrowser(worker as unknown as TestServer)
  const page = await browser.open('/password-reset')
  await browser.submit(page, { email: OWNER.email }, '/password-reset')
  await expect.poll(() => taken.map(({ to }) => to), { timeout: 20_000 }).toEqual([OWNER.email])
  expect(worker.harness.getLogs().filter(({ message }) => String(message).includes('Failed:'))).toEqual([])
})

it('a network that asks too much is refused; documents and MCP servers are not', async () => {
  const key = await createApiKey()
  let hosts = 0
  const statusOf = async (path: string, init: RequestInit = {}, network = '2001:db8:1:2') => {
    hosts += 1
    const headers = { 'CF-Connecting-IP': `${network}::${hosts.toString(16)}`, ...init.headers }
    return (await worker.fetch(path, { ...init, headers })).status
  }
  const asks = [
    () => statusOf('/nothing'),
    () => statusOf('/.well-known/oauth-protected-resource/srv_1'),
    () => statusOf('/introspect', { method: 'POST' }),
  ]
  const refused = new Set<number>()
  // The minute may turn meanwhile, from which on it is counted anew.
  for (let batch = 0; batch < 20 && refused.size < asks.length; batch += 1) {
    const asked = Array.from({ length: 20 }, () => asks.map((ask) => ask())).flat()
    for (const [index, status] of (await Promise.all(asked)).entries())
      if (status === 429) refused.add(index % asks.length)
  }
  expect(refused.size).toBe(asks.length)
  expect(await statusOf('/nothing', {}, '2001:db8:1:3')).toBe(404)
  for (const path of ['/health', '/.well-known/jwks.json']) expect(await statusOf(path)).toBe(200)
  const headers = { Authorization: `Bearer ${key}`, ...FORM }
  expect(await statusOf('/introspect', { method: 'POST', headers, body: 'token=unknown' })).toBe(200)
})

/** Of an MCP server that was just registered. */
async function createApiKey(): Promise<string> {
  const server = { server_url: 'https://mcp.example.com/mcp', server_name: 'Files', scopes: ['read'] }
  const { server_id } = await worker.manage<{ server_id: string }>('POST', '/servers', server)
  const path = `/servers/${server_id}/keys`
  return (await worker.manage<{ key_secret: string }>('POST', path, { name: 'key' })).key_secret
}

it('the cron trigger deletes what has expired', async () => {
  await worker.database.database.runScript(
    `insert into auth_agent.attempt_counters (key, attempts, window_ends_at)
     values ('\\x00', 1, now() - interval '1 day')`,
  )
  const { outcome } = await worker.harness.getWorker().scheduled({ cron: '* * * * *' })
  expect(outcome).toBe('ok')
  await expect
    .poll(
      () =>
        worker.database.database.query<{ count: string }>({
          name: 'expired_counters',
          text: 'select count(*) from auth_agent.attempt_counters where window_ends_at < now()',
        }),
      { timeout: 20_000 },
    )
    .toEqual([{ count: '0' }])
})

it('assets come from the platform, as the server would answer them', async () => {
  const page = await (await worker.fetch('/sign-in')).text()
  const [, path = ''] = /href="(\/assets\/[^"]+\/style\.css)"/.exec(page) ?? []
  const response = await worker.fetch(path)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/css; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  })
  const outdated = await worker.fetch(path.replace(/assets\/[^/]+/, 'assets/0000000000000000'))
  expect([outdated.status, outdated.headers.get('cache-control')]).toEqual([200, 'no-store'])
})
