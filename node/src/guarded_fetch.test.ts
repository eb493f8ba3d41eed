import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { PublicFetchError } from '@auth-agent/server/public_fetch'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCertificate } from '../../tests/support/certificate.ts'
import { createGuardedFetch, type GuardedFetchOptions } from './guarded_fetch.ts'

// No test leaves this machine, so one of its addresses plays the public Internet; the other ones stay as they are.
const PUBLIC = '127.0.0.1'
const PRIVATE = process.platform === 'linux' ? '127.0.0.2' : '::1'
vi.mock('./public_address.ts', async (importActual) => {
  const actual = await importActual<typeof import('./public_address.ts')>()
  return {
    ...actual,
    isPublicAddress: (address: string) => address === '127.0.0.1' || actual.isPublicAddress(address),
  }
})

const LIMITS = { maxBytes: 100, contentTypes: ['application/json'] }
const certificate = createCertificate(['public.test', 'localhost', '127.0.0.1'])

async function listen(server: Server, host: string, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server on the "public" address, and a fetch whose resolver says that `public.test` is there. */
async function serve(answer: RequestListener, options: GuardedFetchOptions = {}) {
  const requests: string[] = []
  const server = createServer(certificate, (request, response) => {
    requests.push(`${request.method} ${request.headers.host} ${JSON.stringify(request.headers)}`)
    answer(request, response)
  })
  const port = await listen(server, PUBLIC)
  const fetch = createGuardedFetch({
    resolve: async () => [PUBLIC],
    certificates: certificate.cert,
    allowedPorts: [port],
    ...options,
  })
  return { fetch, port, requests, url: new URL(`https://public.test:${port}/document`) }
}

function answerJson(body: string, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body)
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !(error instanceof PublicFetchError)) throw error
  return error?.code
}

describe('a document', () => {
  it('comes with its type and its caching rules', async () => {
    const { fetch, url } = await serve(answerJson('{"a":1}', { 'cache-control': 'max-age=60' }))
    const document = await fetch(url, LIMITS)
    expect(new TextDecoder().decode(document.body)).toBe('{"a":1}')
    expect(document).toMatchObject({ contentType: 'application/json', cacheControl: 'max-age=60' })
  })

  it('is asked for by its name, without anybody’s credentials', async () => {
    const { fetch, url, port, requests } = await serve(answerJson('{}'))
    await fetch(url, LIMITS)
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatch(new RegExp(`^GET public\\.test:${port} `))
    expect(requests[0]).toContain('"accept-encoding":"identity"')
    expect(requests[0]).not.toMatch(/cookie|authorization/i)
  })

  it.each([
    ...[301, 302, 307, 308, 204, 206, 404].map((status) => [status, 'status'] as const),
    // A host that is away may come back; its clients must not be told that they are unknown.
    ...[429, 500, 503].map((status) => [status, 'unreachable'] as const),
  ])('with status %i is refused as %s', async (status, code) => {
    const { fetch, url, requests } = await serve((_request, response) => {
      response.writeHead(status, { location: '/elsewhere', 'content-type': 'application/json' }).end()
    })
    expect(await codeOf(fetch(url, LIMITS))).toBe(code)
    expect(requests).toHaveLength(1)
  })

  it.each(['text/html', '', 'application/jsonp', 'text/json', 'image/svg+json'])(
    'of type %j is refused',
    async (type) => {
      const { fetch, url } = await serve(answerJson('{}', { 'content-type': type }))
      expect(await codeOf(fetch(url, LIMITS))).toBe('content_type')
    },
  )

  it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/jwk-set+json'])(
    'of type %j is taken',
    async (type) => {
      const { fetch, url } = await serve(answerJson('{}', { 'content-type': type }))
      expect((await fetch(url, LIMITS)).contentType).toBe(type)
    },
  )

  it('in an encoding is refused', async () => {
    const { fetch, url } = await serve((_request, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      response.writeHead(200, headers).end(gzipSync('{}'))
    })
    expect(await codeOf(fetch(url, LIMITS))).toBe('content_type')
  })

  it('of the largest size is taken, and one byte more refused', async () => {
    const { fetch, url } = await serve((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      // In two pieces, so that no length is announced.
      response.write(' '.repeat(99))
      response.end(' '.repeat(request.url === '/document' ? 1 : 2))
    })
    expect((await fetch(url, LIMITS)).body).toHaveLength(100)
    expect(await codeOf(fetch(new URL('/more', url), LIMITS))).toBe('too_large')
  })

  it('that announces too much is refused before it comes', async () => {
    const { fetch, url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '101' }).write('{')
    })
    expect(await codeOf(fetch(url, LIMITS))).toBe('too_large')
  })

  it('that never ends is cut off', async () => {
    const { fetch, url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const pour = () => {
        while (!response.destroyed && response.write(' '.repeat(10_000)));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await codeOf(fetch(url, LIMITS))).toBe('too_large')
  })

  it('that breaks off is refused', async () => {
    const { fetch, url } = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '50' }).write('{')
      setTimeout(() => response.destroy(), 20)
    })
    expect(await codeOf(fetch(url, LIMITS))).toBe('unreachable')
  })
})

describe('time', () => {
  const timeoutMs = 200

  it('ends a body that drips', async () => {
    const { fetch, url } = await serve(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      },
      { timeoutMs },
    )
    expect(await codeOf(fetch(url, LIMITS))).toBe('timeout')
  })

  it('ends waiting for an answer', async () => {
    const { fetch, url } = await serve(() => {}, { timeoutMs })
    expect(await codeOf(fetch(url, LIMITS))).toBe('timeout')
  })

  it('ends waiting for a name', async () => {
    const { fetch, url } = await serve(answerJson('{}'), { timeoutMs, resolve: () => new Promise(() => {}) })
    expect(await codeOf(fetch(url, LIMITS))).toBe('timeout')
  })
})

describe('a name', () => {
  it('that changes its mind is connected to as it was checked', async () => {
    const answers = [[PUBLIC], [PRIVATE]]
    const { fetch, url, port, requests } = await serve(answerJson('{}'), {
      resolve: async () => answers.shift() ?? [],
    })
    const atPrivate = vi.fn()
    await listen(createServer(certificate, atPrivate), PRIVATE, port)
    await fetch(url, LIMITS)
    expect(requests).toHaveLength(1)
    expect(await codeOf(fetch(url, LIMITS))).toBe('address_not_allowed')
    expect(requests).toHaveLength(1)
    expect(atPrivate).not.toHaveBeenCalled()
  })

  it.each([
    [[PUBLIC, PRIVATE]],
    [[PRIVATE, PUBLIC]],
    [['10.0.0.1']],
    [['169.254.169.254']],
    [['::ffff:127.0.0.1']],
    [['64:ff9b::a00:1']],
    [['2002:a00:1::']],
    [['fd00::1']],
  ])('that resolves to %j is refused', async (addresses) => {
    const { fetch, url, requests } = await serve(answerJson('{}'), { resolve: async () => addresses })
    expect(await codeOf(fetch(url, LIMITS))).toBe('address_not_allowed')
    expect(requests).toEqual([])
  })

  it('without an address, or that cannot be resolved, is unreachable', async () => {
    const { url } = await serve(answerJson('{}'))
    const options = { allowedPorts: [Number(url.port)] }
    expect(await codeOf(createGuardedFetch({ ...options, resolve: async () => [] })(url, LIMITS))).toBe(
      'unreachable',
    )
    const resolve = () => Promise.reject(new Error('ENOTFOUND'))
    expect(await codeOf(createGuardedFetch({ ...options, resolve })(url, LIMITS))).toBe('unreachable')
  })

  it('must be the one that the certificate is for', async () => {
    const { fetch, port, requests } = await serve(answerJson('{}'))
    expect(await codeOf(fetch(new URL(`https://other.test:${port}/`), LIMITS))).toBe('unreachable')
    expect(requests).toEqual([])
  })

  it.each(['localhost', 'localhost.', 'api.localhost', 'LOCALHOST'])('%s is this machine', async (name) => {
    const resolve = vi.fn()
    const fetch = createGuardedFetch({ resolve })
    expect(await codeOf(fetch(new URL(`https://${name}/`), LIMITS))).toBe('address_not_allowed')
    expect(resolve).not.toHaveBeenCalled()
  })
})

describe('a literal address', () => {
  const spellings = [
    '127.0.0.2',
    '127.2',
    '127.0.2',
    '2130706434',
    '0x7f000002',
    '0177.0.0.2',
    '0x7f.2',
    '017700000002',
    '127.0.0.2.',
    '127。0。0。2',
    '１２７.0.0.2',
    '0',
    '10.1',
    '0xa9fea9fe',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[2001::7f00:1]',
    '[fe80::1]',
    '[fd00::1]',
  ]

  it.each(spellings)('%s is refused without asking anybody', async (host) => {
    const resolve = vi.fn()
    const fetch = createGuardedFetch({ resolve })
    expect(await codeOf(fetch(new URL(`https://${host}/`), LIMITS))).toBe('address_not_allowed')
    expect(resolve).not.toHaveBeenCalled()
  })

  it('that is public is fetched from', async () => {
    const { fetch, port, requests } = await serve(answerJson('{}'))
    await fetch(new URL(`https://127.1:${port}/`), LIMITS)
    expect(requests).toHaveLength(1)
  })
})

describe('a URL', () => {
  it.each([
    'http://public.test/',
    'https://public.test:8443/',
    'https://public.test:80/',
    'https://user@public.test/',
    'https://user:password@public.test/',
    'https://:password@public.test/',
    'ftp://public.test/',
    'file:///etc/passwd',
    'data:application/json,{}',
  ])('%s is refused', async (text) => {
    const resolve = vi.fn()
    const fetch = createGuardedFetch({ resolve })
    expect(await codeOf(fetch(new URL(text), LIMITS))).toBe('url_not_allowed')
    expect(resolve).not.toHaveBeenCalled()
  })
})

describe('with loopback allowed', () => {
  async function serveHttp() {
    const port = await listen(createHttpServer(answerJson('{}')), PUBLIC)
    return { port, fetch: createGuardedFetch({ allowLoopback: true, resolve: async () => ['10.0.0.1'] }) }
  }

  it.each(['localhost', '127.0.0.1', '127.1'])('http://%s is fetched from, on any port', async (host) => {
    const { port, fetch } = await serveHttp()
    expect((await fetch(new URL(`http://${host}:${port}/`), LIMITS)).body).toHaveLength(2)
  })

  it.each(['http://public.test/', 'https://public.test:8443/'])('%s is still refused', async (text) => {
    const { fetch } = await serveHttp()
    expect(await codeOf(fetch(new URL(text), LIMITS))).toBe('url_not_allowed')
  })

  it('a private address is still refused', async () => {
    const { fetch } = await serveHttp()
    expect(await codeOf(fetch(new URL('https://public.test/'), LIMITS))).toBe('address_not_allowed')
  })
})

describe('what is sent to an upstream provider', () => {
  const POST = {
    method: 'POST',
    headers: { authorization: 'Basic YTpi', accept: 'text/html' },
    body: 'code=c',
  } as const
  const ANSWERS = { ...LIMITS, statuses: [200, 400] }

  it('arrives as it is, and a refusal comes back', async () => {
    const bodies: string[] = []
    const { fetch, url, requests } = await serve((request, response) => {
      request.on('data', (chunk) => bodies.push(String(chunk)))
      request.on('end', () => response.writeHead(400, { 'content-type': 'application/json' }).end('{}'))
    })
    expect(await fetch(url, ANSWERS, POST)).toMatchObject({ status: 400 })
    expect(bodies).toEqual(['code=c'])
    expect(requests[0]).toMatch(/^POST .*"authorization":"Basic YTpi".*"accept":"application\/json"/)
  })

  it('is sent to nobody by a redirect', async () => {
    const { fetch, url, requests } = await serve((_request, response) => {
      response.writeHead(307, { location: url.href }).end()
    })
    expect(await codeOf(fetch(url, ANSWERS, POST))).toBe('status')
    expect(requests).toHaveLength(1)
  })

  it('goes to the origin that the operator named, on whichever network and port; nothing else does', async () => {
    const options = { resolve: async () => [PRIVATE], allowedPorts: [] }
    const server = createServer(certificate, answerJson('{}'))
    const port = await listen(server, PRIVATE)
    const { fetch } = await serve(answerJson('{}'), { ...options, ownOrigin: `https://public.test:${port}` })
    expect(await fetch(new URL(`https://public.test:${port}/token`), LIMITS)).toMatchObject({ status: 200 })
    expect(await codeOf(fetch(new URL(`https://public.test:${port + 1}/`), LIMITS))).toBe('url_not_allowed')
    expect(await codeOf(fetch(new URL(`http://public.test:${port}/`), LIMITS))).toBe('url_not_allowed')
    expect(await codeOf(fetch(new URL(`https://user@public.test:${port}/`), LIMITS))).toBe('url_not_allowed')
    expect(await codeOf(fetch(new URL('https://other.test/'), LIMITS))).toBe('address_not_allowed')
  })
})
