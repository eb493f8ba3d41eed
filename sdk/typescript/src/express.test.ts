import { getRequestListener } from '@hono/node-server'
import express, { type Express } from 'express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { getAuth, protect, requireScopes } from './express.ts'
import type { ProtectOptions } from './options.ts'
import { createFakeServer, type FakeServer, standardClaims } from './testing/authorization_server.ts'
import { giveUp, type HttpServer, listen, sendRaw } from './testing/http_server.ts'

const TOOLS: Partial<ProtectOptions> = { toolScopes: { read: ['files:read'], write: ['files:write'] } }

let server: FakeServer
let authorization: string
let http: HttpServer | undefined
beforeEach(async () => {
  server = await createFakeServer()
  authorization = `Bearer ${await server.sign()}`
})
afterEach(() => http?.close())

async function start(build: (app: Express) => void): Promise<HttpServer> {
  const app = express()
  build(app)
  http = await listen(app)
  return http
}

const message = (method: string, params: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const call = (name: string, text = '') => message('tools/call', { name, arguments: { text } })

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const own = { Authorization: authorization, 'Content-Type': 'application/json' }
  return fetch(url, { method: 'POST', headers: { ...own, ...headers }, body })
}

test('req.auth is what the official SDK expects, and getAuth knows its type', async () => {
  const { url } = await start((app) => {
    app.use(protect(server.protect()))
    app.get('/mcp', (req, res) => {
      const { resource } = getAuth(req)
      res.json({
        isUrl: resource instanceof URL,
        isSame: getAuth(req) === Reflect.get(req, 'auth'),
        ...getAuth(req),
      })
    })
  })
  const response = await fetch(`${url}/mcp`, { headers: { Authorization: authorization } })
  expect(await response.json()).toMatchObject({
    isUrl: true,
    isSame: true,
    token: authorization.slice(7),
    clientId: 'client_1',
    scopes: ['files:read'],
    expiresAt: server.platform.seconds + 3600,
    resource: 'https://mcp.example/mcp',
    extra: { subject: 'user_1' },
    userEmail: 'ada@example.com',
  })
  expect((await fetch(`${url}/mcp`)).status).toBe(401)
})

describe('with a table of tools', () => {
  const readers: Record<string, (app: Express) => void> = {
    'express.json() before': (app) => {
      app.use(express.json({ limit: '20mb' }), protect(server.protect(TOOLS)))
      app.post('/mcp', (req, res) => void res.json(req.body))
    },
    "hono's listener behind": (app) => {
      app.use(protect(server.protect(TOOLS)))
      const answer = getRequestListener(async (request) => Response.json(await request.json()))
      app.post('/mcp', (req, res) => void answer(req, res))
    },
    'express.text() before': (app) => {
      app.use(express.text({ type: '*/*', limit: '20mb' }), protect(server.protect(TOOLS)))
      app.post('/mcp', (req, res) => void res.type('json').send(req.body))
    },
    'express.raw() before': (app) => {
      app.use(express.raw({ type: '*/*', limit: '20mb' }), protect(server.protect(TOOLS)))
      app.post('/mcp', (req, res) => void res.type('json').send(req.body))
    },
    'express.json() after': (app) => {
      app.use(protect(server.protect(TOOLS)), express.json({ limit: '20mb' }))
      app.post('/mcp', (req, res) => void res.json(req.body))
    },
    'events after': (app) => {
      app.use(protect(server.protect(TOOLS)))
      app.post('/mcp', (req, res) => {
        const chunks: Buffer[] = []
        req
          .on('data', (chunk) => chunks.push(chunk))
          .on('end', () => res.type('json').send(Buffer.concat(chunks)))
      })
    },
    'a pipe after, and after a while': (app) => {
      app.use(protect(server.protect(TOOLS)))
      app.post('/mcp', (req, res) => void setTimeout(() => req.pipe(res.type('json')), 20))
    },
  }

  test.each(Object.entries(readers))('%s: the application gets the same', async (_, build) => {
    const { url } = await start(build)
    for (const text of ['', 'é', 'x'.repeat(100_000), 'é'.repeat(5_000_000)]) {
      const body = call('read', text)
      const response = await post(`${url}/mcp`, body)
      expect(response.status).toBe(200)
      expect((await response.text()) === body).toBe(true)
    }
    expect((await post(`${url}/mcp`, call('write'))).status).toBe(403)
    expect((await post(`${url}/mcp`, call('other'))).status).toBe(403)
  })

  test('a body in another charset does not become another message in express.json()', async () => {
    const { url } = await start((app) => {
      app.use(protect(server.protect(TOOLS)), express.json())
      app.post('/mcp', (req, res) => void res.json(req.body))
    })
    // In UTF-7, +ACI- is a quotation mark.
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"ping","a":"+ACI-,+ACI-method+ACI-:+ACI-tools/call","params":{"name":"write"}}'
    expect(
      (await post(`${url}/mcp`, body, { 'Content-Type': 'application/json; charset=utf-7' })).status,
    ).toBe(415)
  })

  test('what express.json() left unread, though it says that there is an empty object, is read', async () => {
    const { url } = await start((app) => {
      app.use(express.json(), (req, _res, next) => {
        req.body ??= {}
        next()
      })
      app.use(protect(server.protect(TOOLS)))
      app.post('/mcp', (_req, res) => void res.end())
    })
    expect((await post(`${url}/mcp`, call('write'), { 'Content-Type': 'text/plain' })).status).toBe(403)
  })

  test('a body that is too large is 413, with and without its length; one that is given up harms nobody', async () => {
    const { url, port } = await start((app) => {
      app.use(protect(server.protect({ ...TOOLS, maxBodySize: 1_000_000 })))
      app.post('/mcp', (_req, res) => void res.end())
    })
    expect((await post(`${url}/mcp`, call('read', 'x'.repeat(1_000_000)))).status).toBe(413)
    const pieces = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000).fill(32)),
    })
    const init = {
      method: 'POST',
      headers: { Authorization: authorization },
      body: pieces,
      duplex: 'half',
    } as RequestInit
    const outcome = await fetch(`${url}/mcp`, init).then(
      ({ status }) => status,
      // The connection may be closed while we still send.
      () => 413,
    )
    expect(outcome).toBe(413)
    await giveUp(
      port,
      `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 9\r\n\r\n{`,
    )
    expect((await post(`${url}/mcp`, call('read'))).status).toBe(200)
  })

  test('a body that comes slowly, in pieces, is whole for who reads it next', async () => {
    const { url } = await start(readers['a pipe after, and after a while'] ?? (() => {}))
    const pieces = [call('read').slice(0, 9), call('read').slice(9, 10), call('read').slice(10)]
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const piece = pieces.shift()
        if (piece === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(piece))
      },
    })
    const init = {
      method: 'POST',
      headers: { Authorization: authorization },
      body,
      duplex: 'half',
    } as RequestInit
    expect(await (await fetch(`${url}/mcp`, init)).text()).toBe(call('read'))
  })

  test('an empty body is no message', async () => {
    const { url } = await start((app) => void app.use(protect(server.protect(TOOLS))))
    const response = await post(`${url}/mcp`, '')
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32_700 } }])
  })
})

describe('what Node would hide', () => {
  test('a second Authorization header', async () => {
    const { port } = await start((app) => {
      app.use(protect(server.protect()))
      app.get('/mcp', (_req, res) => void res.end())
    })
    expect(await sendRaw(port, '/mcp', ['Authorization', authorization])).toBe(200)
    expect(await sendRaw(port, '/mcp', ['Authorization', authorization, 'authorization', 'Bearer x'])).toBe(
      400,
    )
    expect(await sendRaw(port, '/mcp', ['Authorization', 'Basic YTpi', 'Authorization', authorization])).toBe(
      400,
    )
  })

  test('a path that is not what it seems', async () => {
    const { port } = await start((app) => {
      app.use(protect(server.protect({ publicPaths: ['/docs/*'] })))
      app.use((_req, res) => void res.end())
    })
    expect(await sendRaw(port, '/docs/a', [])).toBe(200)
    expect(await sendRaw(port, 'http://evil.example/docs/a', [])).toBe(200)
    for (const path of [
      '/docs/../mcp',
      '/docs/..%2Fmcp',
      '//docs/a',
      '/docs/%2e%2e/mcp',
      'http://evil.example/docs/../a',
    ]) {
      expect(await sendRaw(port, path, [])).toBe(401)
    }
  })

  test('the path that a mounted middleware no longer sees', async () => {
    const { url } = await start((app) => {
      app.use('/mcp', protect(server.protect({ publicPaths: ['/'] })), (_req, res) => void res.end())
    })
    expect((await fetch(`${url}/mcp`)).status).toBe(401)
  })
})

test('events go by one by one, and headers of CORS with them', async () => {
  let end = () => {}
  const { url } = await start((app) => {
    app.use(protect(server.protect({ allowedOrigins: ['https://app.example'] })))
    app.get('/mcp', (_req, res) => {
      res.writeHead(200, ['Content-Type', 'text/event-stream', 'Vary', 'Accept'])
      res.write('data: 1\n\n')
      end = () => void res.end('data: 2\n\n')
    })
  })
  const headers = { Authorization: authorization, Origin: 'https://app.example' }
  const response = await fetch(`${url}/mcp`, { headers })
  const reader = response.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n')
  end()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 2\n\n')
  expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example')
  expect(response.headers.get('Vary')).toBe('Accept, Origin')
})

describe('tools/list', () => {
  const tools = (...names: string[]) => ({
    jsonrpc: '2.0',
    id: 1,
    result: { tools: names.map((name) => ({ name })) },
  })
  const kept = JSON.stringify(tools('read'))
  const writers: Record<string, [(res: express.Response, text: string) => void, string]> = {
    'res.json': [(res, text) => void res.json(JSON.parse(text)), kept],
    'res.send': [(res, text) => void res.type('json').send(text), kept],
    'writeHead with a length, and end': [
      (res, text) => {
        res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length }).end(text)
      },
      kept,
    ],
    'piece by piece': [
      (res, text) => {
        res.setHeader('Content-Type', 'application/json')
        res.write(text.slice(0, 20), () => res.end(Buffer.from(text.slice(20))))
      },
      kept,
    ],
    'an event stream': [
      (res, text) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
        res.write(`event: message\ndata: ${text}\n`)
        res.write('\n')
        res.end()
      },
      `event: message\ndata: ${kept}\n\n`,
    ],
  }
  test.each(Object.entries(writers))('%s', async (_, [write, expected]) => {
    const { url } = await start((app) => {
      app.use(protect(server.protect({ ...TOOLS, filterTools: true })))
      app.post('/mcp', (req, res) => {
        expect(req.headers['accept-encoding'] ?? req.rawHeaders.join()).not.toMatch(/accept-encoding/i)
        write(res, JSON.stringify(tools('read', 'write', 'other')))
      })
    })
    const response = await post(`${url}/mcp`, message('tools/list'))
    expect(await response.text()).toBe(expected)
  })
})

test('requireScopes asks for more, in the same words', async () => {
  const { url } = await start((app) => {
    app.use(protect(server.protect({ requiredScopes: ['files:read'], publicPaths: ['/public'] })))
    app.get('/mcp', requireScopes('files:write'), (_req, res) => void res.end())
    app.get('/public', requireScopes('files:write'), (_req, res) => void res.end())
    app.use(
      ((error, _req, res, _next) => void res.status(500).end(error.message)) as express.ErrorRequestHandler,
    )
  })
  const refused = await fetch(`${url}/mcp`, { headers: { Authorization: authorization } })
  expect(refused.status).toBe(403)
  expect(refused.headers.get('WWW-Authenticate')).toContain('scope="files:read files:write"')
  const token = await server.sign({
    ...standardClaims(server.platform.seconds),
    scope: 'files:read files:write',
  })
  expect((await fetch(`${url}/mcp`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200)
  expect((await fetch(`${url}/public`)).status).toBe(500)
})
