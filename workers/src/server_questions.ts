import { createHash } from 'node:crypto'
import { isServerRequest } from '@auth-agent/server/server_authentication'
import { LRUCache } from 'lru-cache'

/** What MCP servers ask by themselves with their API key, and how. */
const QUESTIONS: Readonly<Record<string, string>> = { '/introspect': 'POST', '/revocations': 'GET' }

/** Digests of the credentials that this isolate has accepted; those used longest ago make room. */
const accepted = new LRUCache<string, true>({ max: 10_000 })

/** Whether a request is a question of an MCP server, as far as its form tells: anybody can write a key that does not exist. */
export function isServerQuestion(request: Request, basePath: string): boolean {
  const { pathname } = new URL(request.url)
  if (!pathname.startsWith(basePath)) return false
  return QUESTIONS[pathname.slice(basePath.length)] === request.method && isServerRequest(request)
}

/** Whether an earlier question with the same credentials was answered. */
export function isAcceptedQuestion(request: Request): boolean {
  return accepted.get(digestOf(request)) === true
}

/** Remembers credentials that were accepted, and forgets those that no longer are. Other answers say nothing of them. */
export function noteAnswer(request: Request, { status }: Response): void {
  if (status === 200) accepted.set(digestOf(request), true)
  if (status === 401) accepted.delete(digestOf(request))
}

function digestOf(request: Request): string {
  const credentials = request.headers.get('Authorization') ?? ''
  return createHash('sha256').update(credentials).digest('base64')
}
