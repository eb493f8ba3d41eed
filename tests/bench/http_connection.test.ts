import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  cookiesOf,
  headerOf,
  openConnection,
  prepareRequest,
} from '../../bench/comparison/http_connection.ts'

/** Answers with these pieces, one after another, as they are. */
async function answering(...pieces: readonly string[]) {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.on('data', async () => {
      for (const piece of pieces) {
        socket.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      if (pieces.length === 0) socket.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const connection = await openConnection(port)
  onTestFinished(() => {
    connection.close()
    server.close()
  })
  return connection
}

const REQUEST = prepareRequest({ method: 'GET', path: '/', host: 'localhost' })()

describe('the connection of the load generator', () => {
  it('takes an answer that comes in pieces', async () => {
    const connection = await answering('HTTP/1.1 200 O', 'K\r\nContent-Length: 5\r\n\r\nhe', 'llo')
    expect(await connection.ask(REQUEST)).toMatchObject({ status: 200, body: 'hello' })
    expect(await connection.ask(REQUEST)).toMatchObject({ status: 200, body: 'hello' })
  })

  it('joins chunks, wherever they are cut', async () => {
    const connection = await answering(
      'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
      'lo\r\nb\r\n, chunked w\r\n0\r',
      '\n\r\n',
    )
    expect(await connection.ask(REQUEST)).toMatchObject({ status: 201, body: 'hello, chunked w' })
  })

  it('reads headers and cookies', async () => {
    const head = 'HTTP/1.1 303 See Other\r\nLOCATION: /next\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n'
    const response = await (await answering(`${head}Content-Length: 0\r\n\r\n`)).ask(REQUEST)
    expect(headerOf(response, 'location')).toBe('/next')
    expect([...cookiesOf(response)]).toEqual([
      ['a', '1'],
      ['b', '2'],
    ])
  })

  it('fails where the server goes away', async () => {
    await expect((await answering()).ask(REQUEST)).rejects.toThrow('closed the connection')
  })

  it('says how long a body is in bytes', () => {
    const post = prepareRequest({ method: 'POST', path: '/', host: 'localhost', headers: { A: 'b' } })
    expect(post('ä')).toBe('POST / HTTP/1.1\r\nHost: localhost\r\nA: b\r\nContent-Length: 2\r\n\r\nä')
  })
})
