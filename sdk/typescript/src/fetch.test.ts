import { beforeEach, describe, expect, test } from 'vitest'
import { protect, requireScopes } from './fetch.ts'
import { createFakeServer, type FakeServer, OPTIONS } from './testing/authorization_server.ts'

const URL_OF_SERVER = 'http://backend.internal/mcp'
const METADATA_URL = 'https://mcp.example/.well-known/oauth-protected-resource/mcp'

let server: FakeServer
let authorization: { Authorization: string }
beforeEach(async () => {
  server = await createFakeServer()
  authorization = { Authorization: `Bearer ${await server.sign()}` }
})

const toolCall = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } })

test('the handler is told who asks, and is given what the runtime gives besides', async () => {
  const handler = protect(server.protect())(async (_request, auth, env: { name: string }) =>
    Response.json({ ...auth, env }),
  )
  const response = await handler(new Request(URL_OF_SERVER, { headers: authorization }), { name: 'env' })
  expect(await response.json()).toMatchObject({
    subject: 'user_1',
    userEmail: 'ada@example.com',
    clientId: 'client_1',
    scopes: ['files:read'],
    audience: 'https://mcp.example/mcp',
    resource: 'https://mcp.example/mcp',
    resourceMetadataUrl: METADATA_URL,
    expiresAt: server.platform.seconds + 3600,
    claims: { sub: 'user_1', grant_id: 'grant_1' },
    extra: { subject: 'user_1', userEmail: 'ada@example.com' },
    env: { name: 'env' },
  })
})

test('options give a handler as well, which knows by its type whether somebody asks', async () => {
  const close = [protect({ ...OPTIONS }), protect({ ...OPTIONS, publicPaths: ['/health'] })] as const
  close[0]((_request, auth) => new Response(auth.subject))
  // @ts-expect-error on public paths nobody is known to ask
  close[1]((_request, auth) => new Response(auth.subject))
  for (const each of close) each.close()
  const response = await protect({ ...OPTIONS })(() => new Response())(new Request(URL_OF_SERVER))
  expect(response.status).toBe(401)
  expect(response.headers.get('WWW-Authenticate')).toBe(`Bearer resource_metadata="${METADATA_URL}"`)
})

test.each(['introspect', 'local'] as const)(
  'a token that is revoked while the body comes is refused (%s)',
  async (validation) => {
    const handler = protect(server.protect({ validation, toolScopes: { '*': [] } }))(
      () => new Response('done'),
    )
    const token = await server.sign({ jti: 'token_x' })
    const body = new ReadableStream(
      {
        pull(controller) {
          server.platform.seconds += 2
          server.revoked.add(token)
          server.denials.push({ kind: 'token', subject: 'token_x', expires_at: server.platform.seconds + 60 })
          controller.enqueue(new TextEncoder().encode(toolCall('read')))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const headers = { Authorization: `Bearer ${token}` }
    const request = new Request(URL_OF_SERVER, { method: 'POST', headers, body, duplex: 'half' })
    expect((await handler(request)).status).toBe(401)
  },
)

describe('streams', () => {
  test('events go by one by one', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const handler = protect(server.protect())(
      () => new Response(readable, { headers: { 'Content-Type': 'text/event-stream' } }),
    )
    const headers = { ...authorization, Origin: 'https://app.example' }
    const reader = (await handler(new Request(URL_OF_SERVER, { headers }))).body?.getReader()
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      void writer.write(new TextEncoder().encode(event))
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(event)
    }
  })

  test('who stops reading is heard of by the application', async () => {
    let isCancelled = false
    const body = new ReadableStream({
      cancel() {
        isCancelled = true
      },
    })
    const handler = protect(server.protect())(() => new Response(body))
    await (await handler(new Request(URL_OF_SERVER, { headers: authorization }))).body?.cancel()
    expect(isCancelled).toBe(true)
  })

  test('without a table the request is handed on as it came, unread', async () => {
    const request = new Request(URL_OF_SERVER, { method: 'POST', headers: authorization, body: 'not JSON' })
    const handler = protect(server.protect())((given) => Response.json([given === request, given.bodyUsed]))
    expect(await (await handler(request)).json()).toEqual([true, false])
  })

  test('10 MB come through the table as they were, and a body that never ends is cut off', async () => {
    const protection = server.protect({ toolScopes: { '*': [] }, maxBodySize: 11_000_000 })
    const handler = protect(protection)(async (request) => new Response(await request.arrayBuffer()))
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'a', text: 'é'.repeat(5_000_000) },
    }
    const body = JSON.stringify(call)
    const sent = new Request(URL_OF_SERVER, { method: 'POST', headers: authorization, body })
    expect((await (await handler(sent)).text()) === body).toBe(true)
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(1_000_000).fill(32))
      },
    })
    const init = { method: 'POST', headers: authorization, body: endless, duplex: 'half' } as RequestInit
    expect((await handler(new Request(URL_OF_SERVER, init))).status).toBe(413)
    expect(pulled).toBeLessThan(15)
  })
})

describe('tools', () => {
  const toolScopes = { read: ['files:read'], write: ['files:write'], 'admin_*': ['admin'] }
  const call = (name: string, headers = {}) =>
    new Request(URL_OF_SERVER, {
      method: 'POST',
      headers: { ...authorization, ...headers },
      body: toolCall(name),
    })

  test('a call without its scopes is 403 before the application sees it', async () => {
    let calls = 0
    const handler = protect(server.protect({ toolScopes, requiredScopes: ['files:read'] }))(() => {
      calls += 1
      return new Response()
    })
    expect((await handler(call('read'))).status).toBe(200)
    const refused = await handler(call('write'))
    expect(refused.status).toBe(403)
    expect(refused.headers.get('WWW-Authenticate')).toMatch(
      /^Bearer error="insufficient_scope", scope="files:read files:write", resource_metadata="[^"]+", error_description="[^"]+"$/,
    )
    expect((await handler(call('other'))).headers.has('WWW-Authenticate')).toBe(false)
    expect(calls).toBe(1)
  })

  test('two headers of one name are no way around', async () => {
    const handler = protect(server.protect({ toolScopes }))(() => new Response())
    const request = call('read', { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'read' })
    request.headers.append('Mcp-Name', 'write')
    expect((await handler(request)).status).toBe(400)
  })

  test('a charset in which the application would read something else is 415', async () => {
    const handler = protect(server.protect({ toolScopes }))(() => new Response())
    for (const charset of ['utf-7', 'UTF-16', '"utf-32"']) {
      const type = { 'Content-Type': `application/json; charset=${charset}` }
      expect((await handler(call('read', type))).status).toBe(415)
    }
    const type = { 'Content-Type': 'application/json; charset="UTF-8"' }
    expect((await handler(call('read', type))).status).toBe(200)
  })

  test('a list of tools that comes compressed is not passed on', async () => {
    const handler = protect(server.protect({ toolScopes, filterTools: true }))(() => {
      const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }
      return new Response('…', { headers })
    })
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const request = new Request(URL_OF_SERVER, { method: 'POST', headers: authorization, body })
    await expect(handler(request)).rejects.toThrow(/compressed/)
  })
})

test('requireScopes asks for more, in the same words', async () => {
  const guarded = protect(server.protect({ requiredScopes: ['files:read'] }))(
    requireScopes('files:write')(() => new Response()),
  )
  const refused = await guarded(new Request(URL_OF_SERVER, { headers: authorization }))
  expect(refused.status).toBe(403)
  expect(refused.headers.get('WWW-Authenticate')).toContain('scope="files:read files:write"')
  const implied = server.protect({
    scopeHierarchy: { 'files:read': ['files:list'], 'files:list': ['files:write'] },
  })
  const letThrough = protect(implied)(requireScopes('files:write')(() => new Response()))
  expect((await letThrough(new Request(URL_OF_SERVER, { headers: authorization }))).status).toBe(200)
  expect(() => requireScopes()).toThrow(TypeError)
  await expect(
    Promise.resolve(requireScopes('a')(() => new Response())(new Request(URL_OF_SERVER), undefined)),
  ).rejects.toThrow(/protect/)
})
