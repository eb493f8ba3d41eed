import type { Answer } from './answer.ts'
import { AuthAgentError } from './errors.ts'

export interface CorsRequest {
  method: string
  header(name: string): string | undefined
}

/** Headers to be set on an answer. */
export type HeaderList = Readonly<Record<string, string>>

const ALLOWED_METHODS = 'GET, POST, DELETE, OPTIONS'
const ALLOWED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'DPoP',
  'Last-Event-ID',
  'MCP-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Mcp-Session-Id',
]
const KNOWN_HEADERS = new Set(ALLOWED_HEADERS.map((name) => name.toLowerCase()))
const EXPOSED_HEADERS = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After'
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
/** Seconds. */
const MAX_AGE = '86400'

/** The headers that let the page of an allowed origin read an answer; undefined where it may not. */
export function corsHeaders(
  request: CorsRequest,
  allowedOrigins: '*' | readonly string[],
): HeaderList | undefined {
  const origin = request.header('origin')
  const allowed = origin === undefined ? undefined : allowOrigin(origin, allowedOrigins)
  return allowed && { ...allowed, 'Access-Control-Expose-Headers': EXPOSED_HEADERS }
}

/**
 * Answers a preflight (Fetch §3.3.6); undefined where the request is none, or the application has rules of its own.
 *
 * @throws AuthAgentError `origin_not_allowed`
 */
export function answerPreflight(
  request: CorsRequest,
  allowedOrigins: '*' | readonly string[],
): Answer | undefined {
  if (!isPreflight(request) || allowedOrigins.length === 0) return undefined
  const allowed = allowOrigin(request.header('origin') ?? '', allowedOrigins)
  if (allowed === undefined) {
    throw new AuthAgentError(
      'origin_not_allowed',
      'Pages of this origin may not call. Add it to allowedOrigins.',
    )
  }
  return preflightAnswer(request, ALLOWED_METHODS, allowed)
}

/** A preflight for what everybody may read. */
export function answerPublicPreflight(request: CorsRequest, methods: string): Answer {
  return preflightAnswer(request, methods, { 'Access-Control-Allow-Origin': '*' })
}

export function isPreflight(request: CorsRequest): boolean {
  if (request.method !== 'OPTIONS' || request.header('origin') === undefined) return false
  return request.header('access-control-request-method') !== undefined
}

function preflightAnswer(request: CorsRequest, methods: string, origin: HeaderList): Answer {
  const headers = {
    ...origin,
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': [...ALLOWED_HEADERS, ...requestedHeaders(request)].join(', '),
    'Access-Control-Max-Age': MAX_AGE,
  }
  return { status: 204, headers, body: null }
}

/** What the page wants to send beyond what is allowed anyhow; the names of headers only. */
function requestedHeaders(request: CorsRequest): string[] {
  const names = (request.header('access-control-request-headers') ?? '').split(',').map((name) => name.trim())
  return [...new Set(names)].filter((name) => TOKEN.test(name) && !KNOWN_HEADERS.has(name.toLowerCase()))
}

function allowOrigin(origin: string, allowedOrigins: '*' | readonly string[]): HeaderList | undefined {
  if (allowedOrigins === '*') return { 'Access-Control-Allow-Origin': '*' }
  if (!allowedOrigins.includes(origin)) return undefined
  return { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' }
}
