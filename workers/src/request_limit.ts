import { networkOf } from '@auth-agent/server/network'
import type { ApiKey } from '@auth-agent/server/server_authentication'
import { getPath } from 'hono/utils/url'
import type { Bindings, RateLimit } from './bindings.ts'
import { isAnsweredFromMemory } from './free_paths.ts'
import { findQuestionKey, isAccepted, noteAnswer } from './server_questions.ts'
import { answerUnavailable } from './unavailable.ts'

/** What a request asks, as far as its limit depends on that. */
export interface Asked {
  /** Whether it is answered without asking the database. */
  readonly isFree: boolean
  /** Of a question that MCP servers ask all the time. */
  readonly questionKey: ApiKey | undefined
}

/** The bindings that count. */
type LimitName = 'REQUEST_LIMIT' | 'API_KEY_LIMIT'

/** Reads what a request asks, by the path that the server's router finds in it. */
export function readAsked(bindings: Readonly<Bindings>, request: Request): Asked {
  const path = getPath(request)
  const basePath = basePathOf(bindings)
  if (isAnsweredFromMemory(path, basePath)) return FREE
  const isBelow = path.startsWith(basePath)
  return {
    isFree: false,
    questionKey: isBelow ? findQuestionKey(request, path.slice(basePath.length)) : undefined,
  }
}

const FREE: Asked = { isFree: true, questionKey: undefined }

/**
 * Refuses an address (of IPv6, a /64) that asks too much, before anything is done for it. The platform counts in each of its
 * locations by itself; what must be counted exactly (guesses) has its budgets in the database. What is answered from memory is
 * not counted, nor is what MCP servers ask all the time, once their API key was accepted: each wrong one asks the database. While the
 * platform cannot count, what would be counted is refused.
 *
 * @returns the refusal, if any; no promise where nothing counts
 */
export function refuseTooMany(
  bindings: Readonly<Bindings>,
  asked: Asked,
  clientAddress: string | undefined,
): Promise<Response | undefined> | undefined {
  const name = limitOf(asked)
  const limit = name && bindings[name]
  if (name === undefined || limit === undefined || clientAddress === undefined) return undefined
  return count({ name, limit }, clientAddress)
}

async function count(
  { name, limit }: { name: LimitName; limit: RateLimit },
  clientAddress: string,
): Promise<Response | undefined> {
  let isWithin: boolean
  try {
    isWithin = (await limit.limit({ key: networkOf(clientAddress) })).success
  } catch (error) {
    return answerUnavailable(
      'Requests cannot be counted now. Try again in half a minute.',
      `The binding ${name} failed`,
      error,
    )
  }
  if (isWithin) return undefined
  const body = {
    error: 'slow_down',
    error_description: 'Too many requests from this address. Wait a minute.',
  }
  return Response.json(body, { status: 429, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } })
}

/** Learns from an answer whether the next question with the same API key has to be counted, and hands it on. */
export function learnFromAnswer(
  { questionKey }: Asked,
  answer: Response | Promise<Response>,
): Response | Promise<Response> {
  if (questionKey === undefined) return answer
  const learn = (response: Response) => {
    noteAnswer(questionKey, response)
    return response
  }
  return answer instanceof Promise ? answer.then(learn) : learn(answer)
}

/** What counts a request, where it is bound; undefined: nothing does. */
function limitOf({ isFree, questionKey }: Asked): LimitName | undefined {
  if (isFree) return undefined
  if (questionKey === undefined) return 'REQUEST_LIMIT'
  return isAccepted(questionKey) ? undefined : 'API_KEY_LIMIT'
}

/** The issuer that was taken apart last: an isolate has one, and a URL takes longer to parse than all else here. */
let lastIssuer: { issuer: unknown; basePath: string } = { issuer: undefined, basePath: '' }

/** An issuer that makes no sense is refused where the server starts. */
function basePathOf({ ISSUER_URL: issuer }: Readonly<Bindings>): string {
  if (lastIssuer.issuer !== issuer) lastIssuer = { issuer, basePath: readBasePath(issuer) }
  return lastIssuer.basePath
}

function readBasePath(issuer: unknown): string {
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) return ''
  return new URL(issuer).pathname.replace(/\/+$/, '')
}
