import type { Answer } from './answer.ts'
import type { Auth } from './auth.ts'
import type { HeaderList } from './cors.ts'
import { AuthAgentError } from './errors.ts'
import type { IncomingRequest, Protection } from './protection.ts'
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

/** Decides about a request of the Fetch standard. `readConsumed` reads a body that the framework keeps already. */
export async function decideRequest(
  protection: Protection,
  request: Request,
  readConsumed?: () => Promise<ArrayBuffer>,
): Promise<LetThrough | { readonly response: Response }> {
  const read: { bytes?: Uint8Array<ArrayBuffer> } = {}
  const incoming: IncomingRequest = {
    method: request.method,
    ...splitPath(request.url),
    header: (name) => request.headers.get(name) ?? undefined,
    async readBody(limit): Promise<RequestBody> {
      if (request.bodyUsed && readConsumed !== undefined)
        return { bytes: new Uint8Array(await readConsumed()) }
      read.bytes = await readBody(request, limit)
      return { bytes: read.bytes }
    },
  }
  const decision = await protection.decide(incoming)
  if (decision.answer !== undefined) return { response: toResponse(decision.answer) }
  return { ...decision, request: replay(request, read.bytes, decision.listFilter !== undefined) }
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
