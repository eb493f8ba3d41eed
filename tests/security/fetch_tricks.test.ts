import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createGuardedFetch } from '../../node/src/guarded_fetch.ts'
import { createBrowser } from '../support/browser.ts'
import { createCertificate } from '../support/certificate.ts'
import { authorizeUrl, createPkce, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

// No test leaves this machine: one of its addresses plays the public Internet, another what must not be reached.
const PUBLIC = '127.0.0.1'
const PRIVATE = process.platform === 'linux' ? '127.0.0.2' : '::1'
vi.mock('../../node/src/public_address.ts', async (importActual) => {
  const actual = await importActual<typeof import('../../node/src/public_address.ts')>()
  return {
    ...actual,
    isPublicAddress: (address: string) => address === '127.0.0.1' || actual.isPublicAddress(address),
  }
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

describe('MCP security, "SSRF against authorization servers"; CIMD draft §6.5: what a stranger’s host may do to us', () => {
  const certificate = createCertificate(['client.test', 'other.test'])
  let server: TestServer
  let host: Server
  let inside: Server
  let port: number
  let answer: Answer
  let resolve: (name: string) => Promise<readonly string[]>
  let asked: string[]
  let reachedInside: string[]

  async function listen(one: Server, address: string, at: number): Promise<number> {
    await new Promise<void>((done, fail) => one.once('error', fail).listen(at, address, done))
    return (one.address() as AddressInfo).port
  }

  beforeAll(async () => {
    host = createServer(certificate, (request, response) => {
      asked.push(request.url ?? '')
      answer(request, response)
    })
    port = await listen(host, PUBLIC, 0)
    inside = createServer(certificate, (request, response) => {
      reachedInside.push(request.url ?? '')
      serveDocument(request, response)
    })
    await listen(inside, PRIVATE, port)
    const fetchPublicUrl = createGuardedFetch({
      resolve: (name) => resolve(name),
      certificates: certificate.cert,
      allowedPorts: [port],
      timeoutMs: 300,
    })
    // The logger of tests writes JSON, and Node's error of a wrong certificate is circular.
    const ignore = () => {}
    const log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
    server = await createTestServer({ fetchPublicUrl, log })
    await registerServer(server)
  })
  beforeEach(() => {
    server.clock.advance(2 * 86_400)
    asked = []
    reachedInside = []
    resolve = async () => [PUBLIC]
    answer = serveDocument
  })
  afterAll(async () => {
    await server.close()
    for (const one of [host, inside]) {
      one.closeAllConnections()
      await new Promise((done) => one.close(done))
    }
  })

  const REDIRECT = 'https://client.test/callback'
  function documentOf(path: string): string {
    return JSON.stringify({
      client_id: `https://client.test:${port}${path}`,
      client_name: 'App',
      redirect_uris: [REDIRECT],
    })
  }
  const serveDocument: Answer = (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(documentOf(request.url ?? ''))
  }
  async function statusOf(path: string): Promise<number> {
    const id = `https://client.test:${port}${path}`
    const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri: REDIRECT }))
    expect(page.leftTo).toBeUndefined()
    expect(page.html.toString()).not.toContain('of the internal service')
    return page.status
  }

  it('control: an honest document is read', async () => {
    expect([await statusOf('/honest'), asked, reachedInside]).toEqual([200, ['/honest'], []])
  })

  it.each([301, 302, 303, 307, 308])('a redirect %i to what is inside is not followed', async (status) => {
    answer = (_request, response) => {
      response
        .writeHead(status, {
          location: `https://inside.test:${port}/secret`,
          'content-type': 'application/json',
        })
        .end('{}')
    }
    resolve = async (name) => (name === 'inside.test' ? [PRIVATE] : [PUBLIC])
    expect(await statusOf(`/redirect${status}`)).toBe(400)
    expect([asked.length, reachedInside]).toEqual([1, []])
  })

  it('a redirect to another page of the same host is not followed either', async () => {
    answer = (request, response) => {
      if (request.url === '/there') return serveDocument(request, response)
      response.writeHead(302, { location: '/there' }).end()
    }
    expect(await statusOf('/here')).toBe(400)
    expect(asked).toEqual(['/here'])
  })

  it('a name that is rebound after the check is connected to as it was checked', async () => {
    const answers = [[PUBLIC], [PRIVATE], [PRIVATE]]
    resolve = async () => answers.shift() ?? [PRIVATE]
    expect(await statusOf('/rebound')).toBe(200)
    server.clock.advance(2 * 86_400)
    expect(await statusOf('/rebound')).toBe(400)
    expect([asked, reachedInside]).toEqual([['/rebound'], []])
  })

  it.each([
    ['a private one among public ones', [PUBLIC, PRIVATE]],
    ['private ones first', [PRIVATE, PUBLIC]],
    ['a mapped one', ['::ffff:127.0.0.2']],
    ['NAT64', ['64:ff9b::7f00:2']],
    ['6to4', ['2002:7f00:2::']],
    ['link-local with a zone', ['fe80::1%lo']],
    ['the metadata service', ['169.254.169.254']],
    ['no address', []],
    ['what is no address', ['localhost']],
  ])('a name that has %s reaches nothing', async (name, addresses) => {
    resolve = async () => addresses
    expect(await statusOf(`/${encodeURIComponent(name)}`)).toBeGreaterThanOrEqual(400)
    expect([asked, reachedInside]).toEqual([[], []])
  })

  it.each<[string, Answer]>([
    [
      'of 5 KiB and a byte',
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end(' '.repeat(5 * 1024 + 1)),
    ],
    [
      'that never ends',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const pour = () => {
          while (!response.destroyed && response.write(' '.repeat(1000)));
        }
        response.on('drain', pour)
        pour()
      },
    ],
    [
      'that is HTML',
      (request, response) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end(documentOf(request.url ?? '')),
    ],
    ['of no type', (request, response) => void response.writeHead(200).end(documentOf(request.url ?? ''))],
    [
      'that is 404',
      (request, response) =>
        void response
          .writeHead(404, { 'content-type': 'application/json' })
          .end(documentOf(request.url ?? '')),
    ],
    [
      'that is no JSON',
      (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
    ],
    [
      'that is JSON null',
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('null'),
    ],
    [
      'that is a list',
      (request, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`[${documentOf(request.url ?? '')}]`),
    ],
    [
      'nested deeply',
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('['.repeat(5000)),
    ],
    [
      'in a foreign encoding',
      (request, response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'br' })
          .end(documentOf(request.url ?? '')),
    ],
  ])('a document %s is refused', async (name, hostile) => {
    answer = hostile
    expect(await statusOf(`/${encodeURIComponent(name)}`)).toBe(400)
    expect(asked).toHaveLength(1)
  })

  it.each<[string, Answer]>([
    ['that never answers', () => {}],
    [
      'that drips',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      },
    ],
    ['that hangs up', (request) => void request.socket.destroy()],
  ])('a host %s is given up on, and may be tried again', async (name, hostile) => {
    const path = `/${encodeURIComponent(name)}`
    answer = hostile
    expect(await statusOf(path)).toBe(503)
    answer = serveDocument
    expect(await statusOf(path)).toBe(200)
  })

  it('a host that shows the certificate of another is not believed', async () => {
    const id = `https://stranger.test:${port}/x`
    const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri: REDIRECT }))
    expect([page.status, asked]).toEqual([503, []])
  })

  it('another port than those allowed is not asked', async () => {
    const id = `https://client.test:${port + 1}/x`
    const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri: REDIRECT }))
    expect(page.status).toBe(400)
  })

  it('what is sent to a stranger’s host says nothing of the person or of us', async () => {
    let headers: IncomingMessage['headers'] = {}
    answer = (request, response) => {
      headers = request.headers
      serveDocument(request, response)
    }
    await statusOf('/curious')
    for (const name of ['cookie', 'authorization', 'referer', 'x-forwarded-for', 'forwarded'])
      expect(headers[name]).toBeUndefined()
    expect(JSON.stringify(headers)).not.toContain('localhost')
  })
})
