import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startListeningServer } from '../support/listening_server.ts'
import type { TestServer } from '../support/server.ts'
import {
  createSessionlessRequests,
  findResult,
  type McpRequests,
  openSession,
  readMessages,
  SESSION_REVISION,
  SESSIONLESS_REVISION,
  textOf,
} from './mcp_requests.ts'
import {
  type ProtectedSubject,
  type Start,
  startProtected,
  WITH_TOOL_SCOPES,
  WITHOUT_TOOL_SCOPES,
} from './subjects.ts'

const PROTECTIONS = [
  { protection: 'without a table of tools', options: WITHOUT_TOOL_SCOPES },
  { protection: 'with a table of tools', options: WITH_TOOL_SCOPES },
]
const REVISIONS: { revision: string; connect: typeof openSession }[] = [
  { revision: SESSION_REVISION, connect: openSession },
  { revision: SESSIONLESS_REVISION, connect: async (...args) => createSessionlessRequests(...args) },
]
const LARGE = 3_000_000

/** Streams, sessions and large bodies, through the middleware. */
export function describeTransport(name: string, start: Start): void {
  describe(name, () => {
    let authServer: TestServer

    beforeAll(async () => {
      authServer = await startListeningServer()
    })
    afterAll(() => authServer?.close())

    describe.each(PROTECTIONS)('$protection', ({ options }) => {
      let subject: ProtectedSubject

      beforeAll(async () => {
        subject = await startProtected(start, authServer, options)
      })
      afterAll(() => subject?.close())

      describe.each(REVISIONS)('on $revision', ({ connect }) => {
        it('hands on each event of an answer when it comes, not when the answer ends', async () => {
          const requests = await connect(subject.url, subject.token)
          const signal = randomUUID()
          const waiting = requests.build({
            method: 'tools/call',
            params: { name: 'wait_for_signal', arguments: { signal }, _meta: { progressToken: 'token' } },
          })
          const answer = await fetch(subject.url, { method: 'POST', ...waiting })
          expect(answer.headers.get('Content-Type')).toMatch(/^text\/event-stream/)
          const messages = readMessages(answer)
          // The tool has not answered yet, and does not before the signal.
          expect((await messages.next()).value).toMatchObject({
            method: 'notifications/progress',
            params: { progressToken: 'token', progress: 1 },
          })

          const sent = await requests.ask(call('send_signal', { signal }))
          expect(textOf(sent)).toBe(`Sent ${signal}.`)
          expect((await messages.next()).value).toMatchObject({
            id: waiting.id,
            result: { content: [{ text: `Received ${signal}.` }] },
          })
          expect((await messages.next()).done).toBe(true)
        })

        it('hands on a body of 3 MB as it is, to the tool and to the byte', async () => {
          const requests = await connect(subject.url, subject.token)
          const text = createLargeText()
          const { id, headers, body } = requests.build(call('digest', { text }))
          expect(Buffer.byteLength(body)).toBeGreaterThan(LARGE)
          const answer = await fetch(subject.url, { method: 'POST', headers, body })
          expect(textOf(await findResult(answer, id))).toBe(sha256(text))

          // White space and escapes are the client's own.
          const bytes = Buffer.from(` \r\n${body.replaceAll('/', '\\u002F')}\n\t `)
          const received = await fetch(subject.digestUrl, { method: 'POST', headers, body: bytes })
          expect(await received.text()).toBe(sha256(bytes))
        })

        it('hands on a body of 3 MB that comes in pieces and without a length', async () => {
          const requests = await connect(subject.url, subject.token)
          const text = createLargeText()
          const { id, headers, body } = requests.build(call('digest', { text }))
          for (const url of [subject.url, subject.digestUrl]) {
            const answer = await fetch(url, { method: 'POST', headers, body: inPieces(body), duplex: 'half' })
            const digest = url === subject.url ? textOf(await findResult(answer, id)) : await answer.text()
            expect(digest).toBe(sha256(url === subject.url ? text : body))
          }
        })

        it('answers requests that come at the same time each with its own result', async () => {
          const requests = await connect(subject.url, subject.token)
          const texts = Array.from({ length: 20 }, () => randomUUID())
          const digests = await Promise.all(texts.map((text) => requests.ask(call('digest', { text }))))
          expect(digests.map(textOf)).toEqual(texts.map(sha256))
        })

        it('lists every tool that the token allows', async () => {
          const requests = await connect(subject.url, subject.token)
          const { tools } = await requests.ask({ method: 'tools/list' })
          const names = (tools as { name: string }[]).map(({ name }) => name)
          expect(names).toContain('test_simple_text')
          expect(names).toContain('json_schema_2020_12_tool')
          expect(names.length).toBeGreaterThan(20)
        })
      })

      it('keeps a session over many requests, until DELETE ends it', async () => {
        const session = await openSession(subject.url, subject.token)
        const stream = await fetch(subject.url, {
          headers: { ...session.headers, Accept: 'text/event-stream' },
        })
        expect(stream.status).toBe(200)
        for (let request = 0; request < 50; request++) {
          const text = randomBytes(16).toString('hex')
          expect(textOf(await session.ask(call('digest', { text })))).toBe(sha256(text))
        }

        const ended = await fetch(subject.url, { method: 'DELETE', headers: session.headers })
        expect(ended.status).toBe(200)
        // The stream that was open all the time ends with it.
        for await (const message of readMessages(stream)) expect(message).toBeUndefined()
        expect((await session.send(call('digest', { text: 'too late' }))).status).toBe(404)
      })

      it('refuses a request of a session without its token, and the session goes on', async () => {
        const session = await openSession(subject.url, subject.token)
        const { Authorization: _token, ...others } = session.headers
        const refused = await fetch(subject.url, { method: 'DELETE', headers: others })
        expect(refused.status).toBe(401)
        expect(await session.ask({ method: 'ping' })).toEqual({})
      })

      it('tells the server that a client hung up', async () => {
        await expectEndAfterHangUp(await openSession(subject.url, subject.token), subject)
      })
    })
  })
}

/** A session has one standing stream: another is refused until the server knows that the first has ended. */
async function expectEndAfterHangUp(session: McpRequests, { url }: ProtectedSubject): Promise<void> {
  const headers = { ...session.headers, Accept: 'text/event-stream' }
  const hangUp = new AbortController()
  expect((await fetch(url, { headers, signal: hangUp.signal })).status).toBe(200)
  const second = await fetch(url, { headers })
  expect(second.status).toBe(409)
  await second.text()
  hangUp.abort()
  await expect
    .poll(async () => {
      const again = await fetch(url, { headers })
      await again.body?.cancel()
      return again.status
    })
    .toBe(200)
}

const call = (name: string, args: Record<string, unknown>) => ({
  method: 'tools/call',
  params: { name, arguments: args },
})

const sha256 = (value: string | Uint8Array) => createHash('sha256').update(value).digest('hex')

/** Characters of one to four bytes, so that pieces are cut in the midst of one; different each time. */
function createLargeText(): string {
  const line = `${randomBytes(45).toString('base64')}/é€😀"\\\n`
  return line.repeat(Math.ceil(LARGE / Buffer.byteLength(line)))
}

function inPieces(body: string): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(body)
  let position = 0
  return new ReadableStream({
    pull(controller) {
      if (position >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(position, position + 10_007))
      position += 10_007
    },
  })
}
