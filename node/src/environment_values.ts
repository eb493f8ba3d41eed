// What each variable of the environment admits. A refusal continues the sentence that the variable's name begins: what is
// wrong, and what would do. It never quotes what may hold a secret.
import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { parseUrl, quote, refuse } from '@auth-agent/server/environment_values'
import { parseProxies } from './client_address.ts'

export {
  parseAdminToken,
  parseChoice,
  parseEmail,
  parseEmailDomains,
  parseInteger,
  parseSecrets,
  parseSignUp,
  parseUpstreamIssuer,
  parseWebUrl,
  toUpstream,
} from '@auth-agent/server/environment_values'

const MAX_WORKERS = 64

/** Where to listen. */
export function parseHost(text: string): string {
  if (isIP(text) === 0 && !/^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text))
    refuse(
      `is ${quote(text)}, which is neither an address nor a host name: give one such as 127.0.0.1, or 0.0.0.0 for all`,
    )
  return text
}

/**
 * A PostgreSQL. libpq also takes `postgres://user:password@/database?host=/a/directory`, for which URLs have no form: such
 * a one gets a host, which counts for nothing beside `?host=`.
 */
export function parseDatabaseUrl(given: string): string {
  const text = given.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/:].*[?&]host=)/, '$1localhost')
  const url = parseUrl(text)
  if (
    !url ||
    !/^postgres(ql)?:$/.test(url.protocol) ||
    (url.hostname === '' && !url.searchParams.has('host'))
  )
    refuse(
      'is no URL of a PostgreSQL: give one such as postgres://user:password@host:5432/database, special characters percent-encoded, or postgres://user:password@/database?host=/directory for a socket',
    )
  return text
}

/** A mail server; `from` in the query is the sender. */
export function parseSmtpUrl(text: string): string {
  const url = parseUrl(text)
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
    refuse(
      'is no URL of a mail server: give one such as smtps://user:password@smtp.example.com?from=auth@example.com, special characters percent-encoded',
    )
  return text
}

/** A Redis or Valkey. What follows the number of the database would be ignored, so it is refused. */
export function parseRedisUrl(text: string): string {
  const url = parseUrl(text)
  if (
    !url ||
    !/^rediss?:$/.test(url.protocol) ||
    url.hostname === '' ||
    !/^\/?\d{0,5}$/.test(url.pathname) ||
    url.search + url.hash !== '' ||
    !isPercentEncoded(url.username + url.password)
  )
    refuse(
      'is no URL of a Redis or Valkey: give one such as rediss://user:password@host:6379, redis:// without TLS, special characters percent-encoded',
    )
  return text
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Proxies whose forwarding headers count. */
export function parseTrustedProxies(text: string): readonly string[] {
  const ranges = text.split(',').map((range) => range.trim())
  parseProxies(ranges)
  return ranges
}

/** How many processes serve; `auto` is one for each core. */
export function parseWorkers(text: string): number {
  if (text.trim() === 'auto') return Math.min(availableParallelism(), MAX_WORKERS)
  const value = /^\d{1,3}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value >= 1 && value <= MAX_WORKERS))
    refuse(
      `is ${quote(text)}, which is no number of processes: give a whole number from 1 to ${MAX_WORKERS}, or auto for one a core`,
    )
  return value
}

/** Whether only this machine reaches a host that we listen on. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
