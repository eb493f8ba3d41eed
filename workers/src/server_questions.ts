import { timingSafeEqual } from 'node:crypto'
import { type ApiKey, findApiKey } from '@auth-agent/server/server_authentication'
import { LRUCache } from 'lru-cache'

/** What MCP servers ask all the time, and how. */
const QUESTIONS: Readonly<Record<string, string>> = { '/introspect': 'POST', '/revocations': 'GET' }

/** The secrets of the API keys that this isolate has accepted, by their ids; those used longest ago make room. */
const accepted = new LRUCache<string, Uint8Array>({ max: 10_000 })

/**
 * The API key that a question of an MCP server bears, as far as its form tells: anybody can write a key that does not exist.
 * Undefined for any other request.
 *
 * @param path below that of the issuer
 */
export function findQuestionKey(request: Request, path: string): ApiKey | undefined {
  const isQuestion = Object.hasOwn(QUESTIONS, path) && QUESTIONS[path] === request.method
  return isQuestion ? findApiKey(request) : undefined
}

/** Whether an earlier question with this very key was answered. */
export function isAccepted({ keyId, secret }: ApiKey): boolean {
  const known = accepted.get(keyId)
  return known !== undefined && timingSafeEqual(known, bytesOf(secret))
}

/**
 * Remembers a key that was accepted, and forgets one that no longer is. Other answers say nothing of it, nor does the refusal of
 * a secret that is not the one remembered: anybody may name the id of a key.
 */
export function noteAnswer(key: ApiKey, { status }: Response): void {
  if (status !== 200 && status !== 401) return
  const isKnown = isAccepted(key)
  // A copy: a small buffer is a part of a larger one, which would be kept with it.
  if (status === 200 && !isKnown) accepted.set(key.keyId, Uint8Array.from(bytesOf(key.secret)))
  if (status === 401 && isKnown) accepted.delete(key.keyId)
}

/** As many for each secret, by the form of a key. */
function bytesOf(secret: string): Buffer {
  return Buffer.from(secret, 'latin1')
}
