import type { Answer } from './answer.ts'
import type { Auth } from './auth.ts'
import type { HeaderList } from './cors.ts'
import { AuthAgentError } from './errors.ts'
import type { Decision, IncomingRequest, Protection } from './protection.ts'
import { checkSize, type RequestBody, readStream } from './request_body.ts'
import { splitPath } from './request_path.ts'
import { type NoteSession, SESSION_HEADER } from './session_owners.ts'
import { type BodyFilter, createBodyFilter } from './tool_list_body.ts'
import type { ToolListFilter } from './tool_list_filter.ts'

/** A request of the Fetch standard, let through: the one that goes on, and what its answer gets. */
export interface LetThrough {
  readonly response?: undefined
  /** The same as came, unless its body was read, or its headers had to change. */
  readonly request: Request
  readonly auth: Auth | undefined
  readonly cors: HeaderList | undefined
  readonly listFilter: ToolListFilter | undefined
  readonly noteSession: NoteSession | undefined
}

type Decided = LetThrough | { readonly response: Response }

/** Decides about a request of the Fetch standard. `readConsumed` reads a body that the framework keeps already. */
export function decideRequest(
  protection: Protection,
  request: Request,
  readConsumed?: () => Promise<ArrayBuffer>,
): Decided | Promise<Decided> {
  const incoming = new WebRequest(request, readConsumed)
  const decision = protection.decide(incoming)
  if (decision instanceof Promise) return decision.then((later) => carryOut(later, incoming))
  return carryOut(decision, incoming)
}

function carryOut(decision: Decision, incoming: WebRequest): Decided {
  if (decision.answer !== undefined) return { response: toResponse(decision.answer) }
  const { auth, cors, listFilter, noteSession } = decision
  return { request: incoming.replay(listFilter !== undefined), auth, cors, listFilter, noteSession }
}

class WebRequest implements IncomingRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly #request: Request
  readonly #readConsumed: (() => Promise<ArrayBuffer>) | undefined
  #read: Uint8Array<ArrayBuffer> | undefined

  constructor(request: Request, readConsumed: (() => Promise<ArrayBuffer>) | undefined) {
    const { path, query } = splitPath(request.url)
    this.method = request.method
    this.path = path
    this.query = query
    this.#request = request
    this.#readConsumed = readConsumed
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined
  }

  async readBody(limit: number): Promise<RequestBody> {
    if (this.#request.bodyUsed && this.#readConsumed !== undefined)
      return { bytes: new Uint8Array(await this.#readConsumed()) }
    this.#read = await readBody(this.#request, limit)
    return { bytes: this.#read }
  }

  /** The request as it goes on: again, where its body was read. */
  replay(hidesEncoding: boolean): Request {
    return replay(this.#request, this.#read, hidesEncoding)
  }
}

export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers })
}

/** The application's answer with what is added to it. What streams goes on streaming. */
export function finishResponse(response: Response, { cors, listFilter, noteSession }: LetThrough): Response {
  noteSession?.(response.status, response.headers.get(SESSION_HEADER))
  const filtered = listFilter === undefined ? response : filterResponse(response, listFilter)
  return cors === undefined ? filtered : withCors(filtered, cors)
}

async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  checkSize(Number(request.headers.get('content-length') ?? 0), limit)
  if (request.bodyUsed) {
    throw new AuthAgentError(
      'invalid_request',
      'The body was read before it could be checked: protect comes first.',
    )
  }
  return request.body === null ? new Uint8Array(0) : readStream(request.body, limit)
}

/** The request again, after its body was read. */
function replay(
  request: Request,
  body: Uint8Array<ArrayBuffer> | undefined,
  hidesEncoding: boolean,
): Request {
  if (body === undefined && !hidesEncoding) return request
  const again = body === undefined ? new Request(request) : new Request(request, { body })
  // What is compressed cannot be filtered.
  if (hidesEncoding) again.headers.delete('Accept-Encoding')
  return again
}

function withCors(response: Response, cors: HeaderList): Response {
  // 101 has no body to be read by anybody, and cannot be made again.
  if (response.headers.has('Access-Control-Allow-Origin') || response.status < 200) return response
  const writable = new Response(response.body, response)
  for (const [name, value] of Object.entries(cors)) {
    if (name === 'Vary') writable.headers.append(name, value)
    else if (!writable.headers.has(name)) writable.headers.set(name, value)
  }
  return writable
}

function filterResponse(response: Response, filter: ToolListFilter): Response {
  const { headers } = response
  const [type, encoding] = [headers.get('Content-Type') ?? '', headers.get('Content-Encoding') ?? '']
  const body = response.body && createBodyFilter({ type, encoding }, filter)
  if (response.body === null || !body) return response
  const filtered = new Response(response.body.pipeThrough(filterThrough(body)), response)
  filtered.headers.delete('Content-Length')
  filtered.headers.delete('ETag')
  return filtered
}

function filterThrough(body: BodyFilter): TransformStream<Uint8Array, Uint8Array> {
  const encoder = new TextEncoder()
  const pass = (text: string, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (text !== '') controller.enqueue(encoder.encode(text))
  }
  return new TransformStream({
    transform: (chunk, controller) => pass(body.push(chunk), controller),
    flush: (controller) => pass(body.end(), controller),
  })
}
