import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionInfo } from '@auth-agent/server/options'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type ListenOptions, listen } from './listen.ts'

type Fetch = (request: Request, info: ConnectionInfo) => Promise<Response>

async function start(fetch: Fetch, options: Partial<ListenOptions> = {}) {
  const listener = await listen(fetch, {
    host: '127.0.0.1',
    port: 0,
    trustedProxies: [],
    drainMs: 0,
    graceMs: 200,
    ...options,
  })
  onTestFinished(() => listener.close())
  return { ...listener, url: `http://127.0.0.1:${listener.port}/` }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the other side closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (data) => {
    text += data
  })
  // One that is cut off while it writes ends with an error, which is an end as well.
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}

const tellInfo: Fetch = async (_request, { clientAddress, loopback }) =>
  Response.json({ clientAddress, loopback })

/** Longer than a test may take: what would wait for it fails. In milliseconds. */
const NEVER = 600_000

/** Posts over an agent's connections; resolves with the answer's `Connection` header and status. */
async function post(url: string, agent: Agent): Promise<string> {
  const posted = httpRequest(url, { agent, method: 'POST' }).end('body')
  const [response] = await once(posted, 'response')
  response.resume()
  await once(response, 'end')
  return `${response.statusCode} ${response.headers.connection}`
}

describe('a request', () => {
  it('is answered with what it asked for', async () => {
    const { url } = await start(async (request) => {
      const body = await request.text()
      return new Response(`${request.method} ${new URL(request.url).pathname} ${body}`, { status: 201 })
    })
    const response = await fetch(`${url}path`, { method: 'POST', body: 'content' })
    expect([response.status, await response.text()]).toEqual([201, 'POST /path content'])
  })

  it('comes from its socket', async () => {
    const { url } = await start(tellInfo)
    expect(await (await fetch(url)).json()).toEqual({ clientAddress: '127.0.0.1', loopback: true })
  })

  it('comes from its socket also where that was closed meanwhile', async () => {
    const { promise: told, resolve: tell } = Promise.withResolvers<ConnectionInfo>()
    const { promise: taken, resolve: take } = Promise.withResolvers<void>()
    const { port } = await start(async (_request, info) => {
      take()
      await sleep(100)
      tell(info)
      return new Response()
    })
    const socket = await open(port)
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await taken
    socket.destroy()
    expect((await told).clientAddress).toBe('127.0.0.1')
  })

  it('that was forwarded by a stranger comes from nobody', async () => {
    const { url } = await start(tellInfo)
    const headers = { 'x-forwarded-for': '203.0.113.5' }
    expect(await (await fetch(url, { headers })).json()).toEqual({ loopback: true })
  })

  it('that was forwarded by a trusted proxy comes from whom it says', async () => {
    const { url } = await start(tellInfo, { trustedProxies: ['127.0.0.0/8'] })
    const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.5' }
    expect(await (await fetch(url, { headers })).json()).toEqual({
      clientAddress: '203.0.113.5',
      loopback: true,
    })
  })
})

describe('a slow client', () => {
  const times = { headersTimeoutMs: 200, requestTimeoutMs: 400 }

  it('that drips its headers is cut off', async () => {
    const { port } = await start(tellInfo, times)
    const socket = await open(port)
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    const drip = setInterval(() => socket.write('a: b\r\n'), 50)
    onTestFinished(() => clearInterval(drip))
    expect(await readAll(socket)).toMatch(/^HTTP\/1.1 408 /)
  })

  it('that drips its body is cut off', async () => {
    const { port } = await start(async (request) => new Response(await request.text()), times)
    const socket = await open(port)
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n')
    const drip = setInterval(() => socket.write('a'), 50)
    onTestFinished(() => clearInterval(drip))
    await readAll(socket)
  })
})

describe('closing', () => {
  it('first answers what comes on connections that clients keep, and asks them to leave', async () => {
    const { url, close } = await start(tellInfo, { drainMs: NEVER })
    const agents = Array.from({ length: 3 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
    onTestFinished(() => {
      for (const agent of agents) agent.destroy()
    })
    for (const agent of agents) expect(await post(url, agent)).toBe('200 keep-alive')
    const closed = close()
    for (const agent of agents) {
      await sleep(50)
      expect(await post(url, agent)).toBe('200 close')
    }
    await closed
  })

  it('asks those to leave whose request is under way', async () => {
    const { url, close } = await start(
      async () => {
        await sleep(100)
        return new Response('finished')
      },
      { drainMs: 5_000 },
    )
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const answer = post(url, agent)
    await sleep(30)
    const closed = close()
    expect(await answer).toBe('200 close')
    await closed
  })

  it('answers all that a connection has asked for one behind another, and then asks it to leave', async () => {
    const gate = Promise.withResolvers<void>()
    let taken = 0
    const { port, close } = await start(
      async (request) => {
        taken += 1
        await gate.promise
        return new Response(new URL(request.url).pathname)
      },
      { drainMs: 5_000 },
    )
    const socket = await open(port)
    const answers = readAll(socket)
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
    socket.write(ask('/one') + ask('/two'))
    await expect.poll(() => taken).toBe(2)
    const closed = close()
    gate.resolve()
    expect(await answers).toMatch(/keep-alive.*\/one.*Connection: close.*\/two$/is)
    await closed
  })

  it('tells requests at once, those that wait for news and those that ask whether we are ready', async () => {
    const { url, close } = await start(
      async (request, { closing }) => {
        if (!request.url.endsWith('/ready') && closing) await once(closing, 'abort')
        return new Response(closing?.aborted ? 'stopping' : 'ready')
      },
      { drainMs: 300 },
    )
    const news = fetch(url)
    expect(await (await fetch(`${url}ready`)).text()).toBe('ready')
    const closed = close()
    expect(await (await fetch(`${url}ready`)).text()).toBe('stopping')
    expect(await (await news).text()).toBe('stopping')
    await closed
  })

  it('answers the first request of a connection that was the last to be taken', async () => {
    const { port, close } = await start(tellInfo, { drainMs: 4_000 })
    const socket = await open(port)
    const answer = readAll(socket)
    const closed = close()
    const isTaken = () =>
      open(port).then(
        (other) => {
          other.destroy()
          return true
        },
        () => false,
      )
    await expect.poll(isTaken, { timeout: 10_000 }).toBe(false)
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/is)
    await closed
  })

  it('waits no longer than the drain for connections without a request', async () => {
    const { port, close } = await start(tellInfo, { drainMs: 300 })
    await open(port)
    await close()
  })

  it('lets what is under way finish and takes nothing new', async () => {
    const { url, port, close } = await start(async () => {
      await sleep(100)
      return new Response('finished')
    })
    const answer = fetch(url)
    await sleep(30)
    const closed = close()
    await expect(fetch(url)).rejects.toThrow()
    await expect(open(port)).rejects.toThrow()
    expect(await (await answer).text()).toBe('finished')
    await closed
  })

  it('does not wait for connections without a request', async () => {
    const { url, port, close } = await start(tellInfo, { graceMs: NEVER })
    await open(port)
    await (await fetch(url)).text()
    await close()
  })

  it('ends what takes longer than the grace', async () => {
    const { url, close } = await start(() => new Promise(() => {}))
    const answer = fetch(url)
    answer.catch(() => {})
    await sleep(30)
    await close()
    await expect(answer).rejects.toThrow()
  })
})

describe('what cannot be listened on', () => {
  it('is a port that another program uses', async () => {
    const { port } = await start(tellInfo)
    await expect(start(tellInfo, { port })).rejects.toThrow(
      `PORT is ${port}, which another program uses on 127.0.0.1: stop that one, or set PORT to a free port`,
    )
  })

  it('is an address of another machine', async () => {
    await expect(start(tellInfo, { host: '203.0.113.1' })).rejects.toThrow(
      /^HOST is 203\.0\.113\.1, which is no address/,
    )
  })
})
