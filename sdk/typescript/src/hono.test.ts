import { Hono } from 'hono'
import { beforeEach, expect, test } from 'vitest'
import { protect, requireScopes } from './hono.ts'
import { createFakeServer, type FakeServer } from './testing/authorization_server.ts'

let server: FakeServer
let headers: Record<string, string>
beforeEach(async () => {
  server = await createFakeServer()
  headers = { Authorization: `Bearer ${await server.sign()}` }
})

const call = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

test('three lines protect an application, and c.get knows who asks', async () => {
  const app = new Hono()
  app.use('*', protect(server.protect()))
  app.get('/files', requireScopes('files:read'), (c) => c.json({ for: c.get('auth').userEmail }))
  app.get('/write', requireScopes('files:write'), (c) => c.text('written'))
  expect(await (await app.request('/files', { headers })).json()).toEqual({ for: 'ada@example.com' })
  expect((await app.request('/files')).status).toBe(401)
  const refused = await app.request('/write', { headers })
  expect(refused.status).toBe(403)
  expect(refused.headers.get('WWW-Authenticate')).toContain('error="insufficient_scope", scope="files:write"')
  const metadata = await app.request('/.well-known/oauth-protected-resource/mcp')
  expect(await metadata.json()).toMatchObject({ resource: 'https://mcp.example/mcp' })
})

test('the body can be read by c.req and from the raw request, and before', async () => {
  const protection = server.protect({ toolScopes: { read: ['files:read'], write: ['files:write'] } })
  const app = new Hono()
  app.use('/after/*', protect(protection))
  app.post('/after/json', async (c) => c.json(await c.req.json()))
  app.post('/after/raw', (c) => new Response(c.req.raw.body))
  app.use('/before', async (c, next) => {
    await c.req.json()
    await next()
  })
  app.use('/before', protect(protection))
  app.post('/before', async (c) => c.json(await c.req.json()))
  for (const path of ['/after/json', '/after/raw', '/before']) {
    const send = (name: string) => app.request(path, { method: 'POST', headers, body: call(name) })
    expect(await (await send('read')).text()).toBe(call('read'))
    expect((await send('write')).status).toBe(403)
  }
})

test('headers of CORS are added once, and what streams goes on streaming', async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const app = new Hono()
  app.use('*', protect(server.protect({ allowedOrigins: ['https://app.example'] })))
  app.get('/mcp', (c) => c.body(readable, 200, { Vary: 'Accept', 'X-Own': 'a' }))
  const response = await app.request('/mcp', { headers: { ...headers, Origin: 'https://app.example' } })
  expect(response.headers.get('Vary')).toBe('Accept, Origin')
  expect(response.headers.get('X-Own')).toBe('a')
  expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example')
  const reader = response.body?.getReader()
  void writable.getWriter().write(new TextEncoder().encode('first'))
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
})

test('tools/list is filtered', async () => {
  const app = new Hono()
  app.use(
    '*',
    protect(
      server.protect({ toolScopes: { read: ['files:read'], write: ['files:write'] }, filterTools: true }),
    ),
  )
  app.post('/mcp', (c) => {
    expect(c.req.header('Accept-Encoding')).toBeUndefined()
    return c.json({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'write' }, { name: 'read' }] } })
  })
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  const response = await app.request('/mcp', {
    method: 'POST',
    headers: { ...headers, 'Accept-Encoding': 'gzip' },
    body,
  })
  expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'read' }] } })
})

test('a defect is answered by the application, not by its protection', async () => {
  const app = new Hono()
  app.use('*', protect(server.protect()))
  app.get('/mcp', () => {
    throw new Error('a defect')
  })
  app.onError((error, c) => c.text(error.message, 500))
  expect(
    await (await app.request('/mcp', { headers: { ...headers, Origin: 'https://a.example' } })).text(),
  ).toBe('a defect')
})
