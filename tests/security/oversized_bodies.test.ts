import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen } from '../../node/src/listen.ts'
import { registerServer } from '../support/flow.ts'
import { ADMIN_TOKEN, createTestServer, type TestServer } from '../support/server.ts'

const LIMIT = 64 * 1024

describe('bodies that are too large, or never end (OWASP API4; contract.md, "Endpoints")', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const JSON_TYPE = { 'Content-Type': 'application/json', Authorization: `Bearer ${ADMIN_TOKEN}` }
  const PATHS: [string, Record<string, string>][] = [
    ['/token', FORM],
    ['/revoke', FORM],
    ['/sign-in', FORM],
    ['/consent', FORM],
    ['/authorize', FORM],
    ['/register', JSON_TYPE],
    ['/api/servers', JSON_TYPE],
  ]

  it.each(PATHS)('POST %s one byte over the limit is 413, at the limit it is read', async (path, headers) => {
    const bodyOf = (size: number) => 'a='.padEnd(size, 'x')
    const over = await server.fetch(path, { method: 'POST', headers, body: bodyOf(LIMIT + 1) })
    expect(over.status).toBe(413)
    const at = await server.fetch(path, { method: 'POST', headers, body: bodyOf(LIMIT) })
    expect([400, 401, 403, 303]).toContain(at.status)
  })

  it('a stream without a length is cut off at the limit, not read to its end', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 1
        controller.enqueue(Buffer.alloc(16 * 1024, 'x'))
      },
    })
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers: FORM, body, duplex: 'half' }
    expect((await server.fetch('/token', init)).status).toBe(413)
    expect(sent).toBeLessThan(10)
  })

  it('ten thousand parameters are read, and refused for what they say', async () => {
    const body = new URLSearchParams(Array.from({ length: 8000 }, (_, i) => [`p${i}`, '']))
    expect((await server.fetch('/token', { method: 'POST', headers: FORM, body })).status).toBe(400)
  })

  describe('over a socket', () => {
    let port: number
    let close: () => Promise<void>

    beforeAll(async () => {
      const options = {
        host: '127.0.0.1',
        port: 0,
        trustedProxies: [],
        headersTimeoutMs: 300,
        requestTimeoutMs: 600,
        drainMs: 0,
        graceMs: 100,
      }
      const listener = await listen(server.server.fetch, options)
      port = listener.port
      close = listener.close
    })
    afterAll(() => close())

    /** Sends some bytes and then nothing; resolves with what came back when the server hung up. */
    const send = (text: string) =>
      new Promise<string>((resolve, reject) => {
        let answer = ''
        const socket = connect(port, '127.0.0.1', () => socket.write(text))
        socket.setEncoding('utf8').on('data', (chunk) => {
          answer += chunk
        })
        socket.on('close', () => resolve(answer)).on('error', reject)
      })

    it('headers that never end are hung up on (Slowloris)', async () => {
      expect(await send('GET /health HTTP/1.1\r\nHost: localhost:8787\r\nX-Slow: ')).toMatch(
        /^(HTTP\/1\.1 408|$)/,
      )
    })

    it('a body that never comes is hung up on (R-U-Dead-Yet)', async () => {
      const head =
        'POST /token HTTP/1.1\r\nHost: localhost:8787\r\nContent-Type: application/x-www-form-urlencoded\r\n'
      expect(await send(`${head}Content-Length: 1000\r\n\r\ngrant_type=`)).toMatch(
        /^(HTTP\/1\.1 408|HTTP\/1\.1 400|$)/,
      )
    })

    it('two lengths at once are refused (request smuggling)', async () => {
      const head = 'POST /token HTTP/1.1\r\nHost: localhost:8787\r\n'
      expect(await send(`${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 400/,
      )
    })
  })
})
