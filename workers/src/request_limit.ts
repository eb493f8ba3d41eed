import { networkOf } from '@auth-agent/server/network'
import type { Bindings, RateLimit } from './bindings.ts'
import { isAnsweredFromMemory } from './free_paths.ts'
import { isAcceptedQuestion, isServerQuestion, noteAnswer } from './server_questions.ts'

/**
 * Refuses an address (of IPv6, a /64) that asks too much, before anything is done for it. The platform counts in each of its
 * locations by itself; what must be counted exactly (guesses) has its budgets in the database. What is answered from memory is
 * not counted, nor is what MCP servers ask all the time, once their API key was accepted: each wrong one asks the database.
 */
export async function refuseTooMany(
  bindings: Readonly<Bindings>,
  request: Request,
  clientAddress: string | undefined,
): Promise<Response | undefined> {
  const limit = limitOf(bindings, request)
  if (limit === undefined || clientAddress === undefined) return undefined
  const { success } = await limit.limit({ key: networkOf(clientAddress) })
  if (success) return undefined
  const body = {
    error: 'slow_down',
    error_description: 'Too many requests from this address. Wait a minute.',
  }
  return Response.json(body, { status: 429, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } })
}

/** Learns from an answer whether the next question with the same API key has to be counted. */
export function learnFromAnswer(bindings: Readonly<Bindings>, request: Request, response: Response): void {
  if (isServerQuestion(request, basePathOf(bindings))) noteAnswer(request, response)
}

/** What counts this request; undefined: nothing does. */
function limitOf(bindings: Readonly<Bindings>, request: Request): RateLimit | undefined {
  const basePath = basePathOf(bindings)
  if (isAnsweredFromMemory(new URL(request.url).pathname, basePath)) return undefined
  if (!isServerQuestion(request, basePath)) return bindings.REQUEST_LIMIT
  return isAcceptedQuestion(request) ? undefined : bindings.API_KEY_LIMIT
}

/** An issuer that makes no sense is refused where the server starts. */
function basePathOf({ ISSUER_URL: issuer }: Readonly<Bindings>): string {
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) return ''
  return new URL(issuer).pathname.replace(/\/+$/, '')
}
