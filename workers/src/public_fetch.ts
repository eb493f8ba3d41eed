import {
  checkPublicHead,
  checkPublicUrl,
  type FetchPublicUrl,
  PublicFetchError,
  readPublicBody,
} from '@auth-agent/server/public_fetch'

const TIMEOUT_MS = 5_000

/** RFC 6761 §6.3, and address literals, which the platform refuses as well: a public host has a name. */
const NO_PUBLIC_NAME = /^\[|^[\d.]+$|(^|\.)localhost\.?$/

/** RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; URL parsing has brought literals into their normal form. */
const LOOPBACK = /(^|\.)localhost\.?$|^127\.\d+\.\d+\.\d+$|^\[::1\]$/

/** How the fetch is guarded. */
export interface PublicFetchOptions {
  /** For development: admits http, and any port, on hosts that mean this machine. On the platform they lead nowhere. */
  allowLoopback?: boolean
  /** Time for everything, in milliseconds. Default 5000. */
  timeoutMs?: number
}

/**
 * Fetches a URL that a stranger named. The compatibility flag `global_fetch_strictly_public` stands in for the check of
 * addresses: fetches leave through the public Internet, and the platform reaches no private network but by a binding.
 */
export function createPublicFetch(options: PublicFetchOptions = {}): FetchPublicUrl {
  const { allowLoopback = false, timeoutMs = TIMEOUT_MS } = options
  return async (url, limits, request) => {
    checkUrl(url, allowLoopback)
    const signal = AbortSignal.timeout(timeoutMs)
    let response: Response | undefined
    try {
      const accept = limits.contentTypes.join(', ')
      const own = { accept, 'accept-encoding': 'identity', 'user-agent': 'auth-agent-mcp' }
      const { method = 'GET', body: sent = null } = request ?? {}
      const headers = { ...request?.headers, ...own }
      response = await fetch(url, { method, headers, body: sent, redirect: 'manual', signal })
      const { status, headers: found } = response
      const header = (name: string) => found.get(name) ?? undefined
      const contentType = checkPublicHead(url, { status, header }, limits)
      const body = await readPublicBody(url, response.body ?? [], limits)
      return { status, body, contentType, cacheControl: header('cache-control') ?? '' }
    } catch (error) {
      throw toPublicFetchError(error, url, signal, timeoutMs)
    } finally {
      // Where nothing was read of it, it would hold one of the few connections.
      await response?.body?.cancel().catch(() => undefined)
    }
  }
}

function checkUrl(url: URL, allowLoopback: boolean): void {
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  const hasUser = url.username !== '' || url.password !== ''
  if (allowLoopback && isWeb && !hasUser && LOOPBACK.test(url.hostname)) return
  checkPublicUrl(url)
  if (NO_PUBLIC_NAME.test(url.hostname))
    throw new PublicFetchError('address_not_allowed', `${url.host} is not on the public Internet.`)
}

function toPublicFetchError(
  error: unknown,
  url: URL,
  signal: AbortSignal,
  timeoutMs: number,
): PublicFetchError {
  if (error instanceof PublicFetchError) return error
  if (!signal.aborted)
    return new PublicFetchError('unreachable', `${url.host} cannot be reached.`, { cause: error })
  const message = `${url.host} did not answer in ${timeoutMs / 1000} s.`
  return new PublicFetchError('timeout', message, { cause: error })
}
