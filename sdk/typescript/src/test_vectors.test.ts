import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import type { Auth } from './auth.ts'
import { createProtectionOn } from './create_protection.ts'
import * as forExpress from './express.ts'
import * as forFetch from './fetch.ts'
import * as forHono from './hono.ts'
import type { Protection } from './protection.ts'
import { createTestPlatform, settle } from './testing/platform.ts'
import { expectOutcome, type Outcome } from './testing/vector_expectation.ts'
import { VectorServer } from './testing/vector_server.ts'
import {
  bodyOf,
  optionsOf,
  readVectors,
  type VectorAnswer,
  type VectorCase,
  type VectorRequest,
  writeAnswer,
} from './testing/vectors.ts'

type Seen = NonNullable<Outcome['seen']>
type Answered = Pick<Outcome, 'status' | 'headers' | 'text'>

/** A protected application, as one adapter makes it. */
interface Application {
  send(request: VectorRequest): Promise<Answered>
  close(): Promise<void>
}

type Adapter = (
  protection: Protection,
  answer: VectorAnswer,
  see: (seen: Seen) => void,
) => Promise<Application>

const { cases, authorization_server: initialState } = readVectors()
const ADAPTERS: Record<string, Adapter> = { fetch: runFetch, hono: runHono, express: runExpress }

describe.each(Object.entries(ADAPTERS))('test vectors, %s', (_, adapter) => {
  test.each(cases.filter(({ steps }) => steps !== undefined))('$name', (vector) => run(vector, adapter))
})

test.each(cases.filter(({ refused }) => refused))('test vectors, options: $name', (vector) => {
  const create = () =>
    createProtectionOn(
      createTestPlatform(() => Promise.reject()),
      optionsOf(vector),
    )
  expect(create).toThrow(TypeError)
  expect(create).not.toThrow(String(vector.options['api_key']) || 'undefined')
})

async function run(vector: VectorCase, adapter: Adapter): Promise<void> {
  const server = new VectorServer(vector, initialState)
  const platform = createTestPlatform(server.fetch)
  const protection = createProtectionOn(platform, optionsOf(vector))
  const saw: Seen[] = []
  const answer = vector.application ?? { status: 200, body: { ok: true } }
  const application = await adapter(protection, answer, (seen) => void saw.push(seen))
  try {
    for (const [index, step] of (vector.steps ?? []).entries()) {
      platform.seconds = step.now
      server.state = { ...server.state, ...step.authorization_server }
      const answered = await application.send(step.request)
      await settle()
      const outcome = { ...answered, seen: saw.pop(), asked: server.takeAsked() }
      await expectStep(index, () => expectOutcome(outcome, step.expect))
    }
  } finally {
    await application.close()
  }
}

async function expectStep(index: number, check: () => void): Promise<void> {
  try {
    check()
  } catch (error) {
    if (error instanceof Error) error.message = `step ${index + 1}: ${error.message}`
    throw error
  }
}

async function runFetch(
  protection: Protection,
  answer: VectorAnswer,
  see: (seen: Seen) => void,
): Promise<Application> {
  const handler = forFetch.protect(protection)(async (request, auth) => {
    see({ auth, headers: request.headers, body: await request.text() })
    return writeResponse(answer)
  })
  return {
    send: async (request) => readResponse(await handler(webRequest(request))),
    close: async () => protection.close(),
  }
}

async function runHono(
  protection: Protection,
  answer: VectorAnswer,
  see: (seen: Seen) => void,
): Promise<Application> {
  const app = new Hono()
  app.use('*', forHono.protect(protection))
  app.all('*', async (c) => {
    const auth: Auth | undefined = c.get('auth')
    see({ auth, headers: c.req.raw.headers, body: await c.req.text() })
    return writeResponse(answer)
  })
  return {
    send: async (request) => readResponse(await app.fetch(webRequest(request))),
    close: async () => protection.close(),
  }
}

async function runExpress(
  protection: Protection,
  answer: VectorAnswer,
  see: (seen: Seen) => void,
): Promise<Application> {
  const app = express()
  app.use(forExpress.protect(protection))
  app.use(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const auth = 'auth' in req ? forExpress.getAuth(req) : undefined
    const headers = new Headers(Object.entries(req.headers).map(([name, value]) => [name, String(value)]))
    see({ auth, headers, body: Buffer.concat(chunks).toString('utf8') })
    const { headers: own, text } = writeAnswer(answer)
    res.writeHead(answer.status, own).end(text)
  })
  const server = createServer({ maxHeaderSize: 65_536 }, app)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    send: (request) => sendRaw(port, request),
    close: () =>
      new Promise((resolve) => {
        protection.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function webRequest({ method, path, headers, ...rest }: VectorRequest): Request {
  const body = bodyOf(rest as VectorRequest)
  return new Request(`http://backend.internal:9999${path}`, { method, headers, body: body ?? null })
}

function writeResponse(answer: VectorAnswer): Response {
  const { headers, text } = writeAnswer(answer)
  return new Response(text, { status: answer.status, headers })
}

async function readResponse(response: Response): Promise<Answered> {
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** Nothing of what is sent is changed on the way. */
function sendRaw(port: number, request: VectorRequest): Promise<Answered> {
  const body = bodyOf(request)
  const length = body === undefined ? [] : ['Content-Length', String(body.byteLength)]
  const headers = ['Host', 'backend.internal:9999', ...request.headers.flat(), ...length]
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { port, host: '127.0.0.1', method: request.method, path: request.path, headers },
      async (res) => {
        const chunks: Buffer[] = []
        for await (const chunk of res) chunks.push(chunk)
        const answered = new Headers()
        res.rawHeaders.forEach((name, index) => {
          if (index % 2 === 0) answered.append(name, res.rawHeaders[index + 1] ?? '')
        })
        resolve({
          status: res.statusCode ?? 0,
          headers: answered,
          text: Buffer.concat(chunks).toString('utf8'),
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
