import { LRUCache } from 'lru-cache'
import { LateError, SharedWork } from '../shared_work.ts'
import { type FetchPublicUrl, PublicFetchError, type PublicFetchLimits } from './public_fetch.ts'

/** Documents of strangers, read and kept by HTTP's rules. */
export interface DocumentCache<Parsed> {
  /** The document at a URL. Rejects with a {@link PublicFetchError}, or with what `parse` throws. */
  get(url: string): Promise<Parsed>
  /**
   * The document as it is now, although a fresh one is kept: for who has reason to think that it has changed. Undefined
   * where it was asked for less than a minute ago, so that nobody can make us ask all the time.
   */
  refresh(url: string): Promise<Parsed | undefined>
}

export interface DocumentCacheOptions<Parsed> {
  fetchPublicUrl: FetchPublicUrl
  limits: PublicFetchLimits
  /** Reads a document, or throws. What it throws is not kept. */
  parse: (body: Uint8Array, url: string) => Parsed
  now: () => number
  /** Whether somebody relies on the document at a URL, although this node has not had it yet. */
  isReliedOn?: (url: string) => Promise<boolean>
}

const SECOND = 1000
const MIN_TTL = 300 * SECOND
const MAX_TTL = 86_400 * SECOND
const MAX_DOCUMENTS = 1_000
/** How many fetches from one host may fail in a minute, or be under way, before we stop asking it for the rest of it. */
const MAX_ATTEMPTS = 10
const ATTEMPT_WINDOW = 60 * SECOND
const REFRESH_AFTER = 60 * SECOND
/** Of all hosts together, so that strangers cannot take up memory and sockets without bound. */
const MAX_IN_FLIGHT = 50
/** How long one waits for a fetch that another began; fetches give up by themselves earlier. */
const MAX_WAIT = 10 * SECOND

/**
 * A bounded cache of documents: between 5 minutes and 24 hours as their `Cache-Control` says, errors never, at
 * most one fetch of a URL at a time, and a limit on asking a host that keeps failing.
 */
export function createDocumentCache<Parsed extends object>(
  options: DocumentCacheOptions<Parsed>,
): DocumentCache<Parsed> {
  const { now } = options
  const clock = { now }
  const documents = new LRUCache<string, Parsed>({ max: MAX_DOCUMENTS, perf: clock, ttlResolution: 0 })
  /** Of each host, or good URL, the fetches of this minute that failed, or are under way. */
  const attempted = new LRUCache<string, { count: number }>({
    max: MAX_DOCUMENTS,
    ttl: ATTEMPT_WINDOW,
    perf: clock,
    ttlResolution: 0,
  })
  /** The URLs that had a good document once. */
  const good = new LRUCache<string, true>({ max: MAX_DOCUMENTS })
  /** The URLs that were asked for within the last minute. */
  const asked = new LRUCache<string, true>({
    max: MAX_DOCUMENTS,
    ttl: REFRESH_AFTER,
    perf: clock,
    ttlResolution: 0,
  })
  const fetching = new Map<string, SharedWork<Parsed>>()

  async function fetchOnce(url: string): Promise<Parsed> {
    const shared = fetching.get(url) ?? new SharedWork<Parsed>(MAX_WAIT)
    fetching.set(url, shared)
    try {
      return await shared.run(() => load(url))
    } catch (error) {
      if (!(error instanceof LateError)) throw error
      throw new PublicFetchError('timeout', `${new URL(url).host} did not answer in time.`, { cause: error })
    } finally {
      if (fetching.get(url) === shared && !shared.isRunning) fetching.delete(url)
    }
  }
  async function load(url: string): Promise<Parsed> {
    const { host } = new URL(url)
    if (fetching.size > MAX_IN_FLIGHT) {
      throw new PublicFetchError('unreachable', 'Too many documents are being fetched just now.')
    }
    // What is relied on has a budget of its own: junk beside it must not lock its clients out.
    const isGood = good.has(url) || (isUsedUp(attemptsOf(host)) && (await options.isReliedOn?.(url)))
    const attempts = attemptsOf(isGood ? url : host)
    if (isUsedUp(attempts)) {
      throw new PublicFetchError(
        'unreachable',
        `${host} fails too often just now; it is asked again in a minute.`,
      )
    }
    asked.set(url, true)
    attempts.count += 1
    const document = await options.fetchPublicUrl(new URL(url), options.limits)
    const parsed = options.parse(document.body, url)
    attempts.count -= 1
    documents.set(url, parsed, { ttl: freshnessLifetime(document.cacheControl) })
    good.set(url, true)
    return parsed
  }
  function attemptsOf(subject: string): { count: number } {
    const known = attempted.get(subject)
    if (known !== undefined) return known
    const fresh = { count: 0 }
    attempted.set(subject, fresh)
    return fresh
  }

  return {
    get: async (url) => documents.get(url) ?? fetchOnce(url),
    refresh: async (url) => (asked.has(url) && !fetching.has(url) ? undefined : fetchOnce(url)),
  }
}

function isUsedUp(attempts: { count: number }): boolean {
  return attempts.count >= MAX_ATTEMPTS
}

/** RFC 9111 §5.2.2: `max-age` within our bounds; `no-store` and `no-cache` get the least. In milliseconds. */
function freshnessLifetime(cacheControl: string): number {
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return MIN_TTL
  const [, maxAge] = /\bmax-age\s*=\s*"?(\d{1,9})/i.exec(cacheControl) ?? []
  return Math.min(MAX_TTL, Math.max(MIN_TTL, Number(maxAge ?? 0) * SECOND))
}
