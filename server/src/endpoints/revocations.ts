import { z } from 'zod'
import { authenticateServer } from '../authentication/server_authentication.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { jsonResponse, NO_STORE } from '../http/json_response.ts'
import type { ConnectionInfo } from '../options.ts'
import type { RecordedDenial } from '../storage/denials.ts'
import type { DenialNews, Follower } from '../tokens/denial_log.ts'

/** How often a question that waits looks for news. In milliseconds. */
const LOOK_EVERY = 150
/** A question that waits costs memory and a timer; no deployment needs as many with one key. */
const MAX_WAITING = 200
const MAX_WAIT_SECONDS = 20

/** How many questions wait with each API key, in each context. */
const waiting = new WeakMap<ServerContext, Map<string, number>>()

/**
 * The feed of denials, for MCP servers that check access tokens themselves: what ended before it expired, of what this
 * server could hold. Without a cursor, or with one that has expired, it answers with all of it; otherwise as soon as there
 * is news, or with none after `wait` seconds, or when this node is about to stop. Every answer is a heartbeat: what it
 * says was true when it was sent.
 *
 * @throws OAuthError `invalid_client`; `invalid_request`; `slow_down`; `temporarily_unavailable` where it cannot be read
 */
export async function revocations(
  context: ServerContext,
  request: Request,
  { closing }: ConnectionInfo,
): Promise<Response> {
  const { cursor, wait } = readParameters(request)
  const key = await authenticateServer(context, request)
  await context.denials.readAgain(context.settings.feedMaxAge)
  const { log } = context.denials
  // Another node has read more than this one; or the database was restored, and asking it again will tell.
  if (log.isAhead(cursor)) await context.denials.readAgain(0)
  const news = log.newsFor(key, cursor, context.now())
  if (isNews(news) || wait === 0) return respond(context, news)
  const release = takePlace(context, key.id)
  const ended = closing === undefined ? request.signal : AbortSignal.any([request.signal, closing])
  return respond(context, await waitForNews(context, request, { cursor, wait, ended, key }).finally(release))
}

async function waitForNews(
  context: ServerContext,
  request: Request,
  {
    cursor,
    wait,
    ended,
    key,
  }: { cursor: string | undefined; wait: number; ended: AbortSignal; key: Follower & { id: string } },
): Promise<DenialNews> {
  const { denials } = context
  let version = denials.log.version
  for (let waited = 0; ; waited += LOOK_EVERY) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
    await denials.readAgain(context.settings.feedMaxAge)
    const isLast = waited + LOOK_EVERY >= wait * 1000 || ended.aborted
    if (denials.log.version === version && !isLast) continue
    version = denials.log.version
    // News of others must not make all who wait ask the database at once.
    const concerns = denials.isKeyDenied(key.id) || isNews(denials.log.newsFor(key, cursor, context.now()))
    if (!concerns && !isLast) continue
    // Its own key may be among what ended.
    const follower = await authenticateServer(context, request)
    const news = denials.log.newsFor(follower, cursor, context.now())
    if (isNews(news) || isLast) return news
  }
}

function isNews({ isSnapshot, denials }: DenialNews): boolean {
  return isSnapshot || denials.length > 0
}

function takePlace(context: ServerContext, keyId: string): () => void {
  const counts = waiting.get(context) ?? new Map<string, number>()
  waiting.set(context, counts)
  const count = counts.get(keyId) ?? 0
  if (count >= MAX_WAITING) {
    throw new OAuthError(
      'slow_down',
      `${MAX_WAITING} requests wait with this API key already. Ask with wait=0, or with a key for each deployment.`,
      { headers: { 'Retry-After': '10' } },
    )
  }
  counts.set(keyId, count + 1)
  return () => {
    const left = (counts.get(keyId) ?? 1) - 1
    if (left > 0) counts.set(keyId, left)
    else counts.delete(keyId)
  }
}

const waitSchema = z
  .string()
  .regex(/^\d{1,2}$/)
  .transform(Number)
  .refine((wait) => wait <= MAX_WAIT_SECONDS)

function readParameters(request: Request): { cursor: string | undefined; wait: number } {
  const query = new URL(request.url).searchParams
  for (const name of ['cursor', 'wait']) {
    if (query.getAll(name).length > 1) throw new OAuthError('invalid_request', `${name} is given twice.`)
  }
  const wait = waitSchema.safeParse(query.get('wait') ?? '0')
  if (!wait.success) {
    throw new OAuthError('invalid_request', `wait must be a whole number from 0 to ${MAX_WAIT_SECONDS}.`)
  }
  return { cursor: query.get('cursor') ?? undefined, wait: wait.data }
}

function respond(context: ServerContext, { cursor, isSnapshot, denials }: DenialNews): Response {
  const time = Math.floor(context.now() / 1000)
  return jsonResponse({ cursor, snapshot: isSnapshot, time, denials: denials.map(describe) }, NO_STORE)
}

function describe({ kind, subject, cutoff, expires_at }: RecordedDenial): object {
  return {
    kind,
    subject,
    cutoff: cutoff === null ? undefined : Math.floor(cutoff.getTime() / 1000),
    expires_at: Math.ceil(expires_at.getTime() / 1000),
  }
}
