import { Resolver } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import {
  checkPublicHead,
  checkPublicUrl,
  type FetchPublicUrl,
  type PublicDocument,
  PublicFetchError,
  type PublicFetchLimits,
  type PublicRequest,
  readPublicBody,
} from '@auth-agent/server/public_fetch'
import { isLoopbackAddress, isPublicAddress } from './public_address.ts'

/** All addresses of a name. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>

/** How the fetch is guarded. */
export interface GuardedFetchOptions {
  /** For development: admits http, and any port, on loopback addresses, and those addresses themselves. */
  allowLoopback?: boolean
  /** Ports beside 443. Default: none. */
  allowedPorts?: readonly number[]
  /** An origin on https that the operator named himself: it may be at any port, and on any network. Default: none. */
  ownOrigin?: string | undefined
  /** Default: the machine's DNS servers. */
  resolve?: Resolve
  /** Certificates to trust beside the usual ones, in PEM. */
  certificates?: string
  /** Time for everything, in milliseconds. Default 5000. */
  timeoutMs?: number
}

/**
 * The one function that fetches a URL that a stranger named. The name is resolved once, every address is checked,
 * and the connection goes to those very addresses, so a name that changes its mind gains nothing. It follows no
 * redirect and uses no connection, proxy, cookie or credential of anybody else.
 */
export function createGuardedFetch(options: GuardedFetchOptions = {}): FetchPublicUrl {
  const { timeoutMs = 5_000, resolve = resolveByDns } = options
  return async (url, limits, request) => {
    checkUrl(url, options)
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const addresses = await findAddresses(url, resolve, signal)
      checkAddresses(url, addresses, options)
      return await fetchFrom(url, addresses, limits, { signal, certificates: options.certificates, request })
    } catch (error) {
      if (error instanceof PublicFetchError) throw error
      if (signal.aborted)
        throw new PublicFetchError('timeout', `${url.host} did not answer in ${timeoutMs / 1000} s.`, {
          cause: error,
        })
      throw new PublicFetchError('unreachable', `${url.host} cannot be reached.`, { cause: error })
    }
  }
}

/** What can be refused without asking DNS. What only loopback may have is checked again with the addresses. */
function checkUrl(url: URL, options: GuardedFetchOptions): void {
  const { allowLoopback, allowedPorts } = options
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  const hasUser = url.username !== '' || url.password !== ''
  if (isOwn(url, options) && !hasUser) return
  if (allowLoopback && isWeb && !hasUser) return
  checkPublicUrl(url, allowedPorts)
}

function isOwn(url: URL, { ownOrigin }: GuardedFetchOptions): boolean {
  return url.protocol === 'https:' && url.origin === ownOrigin
}

/** The addresses of the URL's host; a literal is its own, which URL parsing has brought into its normal form. */
async function findAddresses(url: URL, resolve: Resolve, signal: AbortSignal): Promise<readonly string[]> {
  const literal = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(literal) !== 0) return [literal]
  // RFC 6761 §6.3: these names mean this machine, whatever a DNS server says.
  if (/(^|\.)localhost\.?$/.test(literal)) return ['127.0.0.1', '::1']
  const aborted = new Promise<never>((_resolve, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  return Promise.race([resolve(literal, signal), aborted])
}

/** One address that is not public refuses them all: which of them is connected to would be chance. */
function checkAddresses(url: URL, addresses: readonly string[], options: GuardedFetchOptions): void {
  if (addresses.length === 0) throw new PublicFetchError('unreachable', `${url.host} has no address.`)
  if (isOwn(url, options)) return
  if (options.allowLoopback) {
    if (addresses.every(isLoopbackAddress)) return
    checkUrl(url, { ...options, allowLoopback: false })
  }
  if (!addresses.every(isPublicAddress))
    throw new PublicFetchError('address_not_allowed', `${url.host} is not on the public Internet.`)
}

interface Sending {
  signal: AbortSignal
  certificates: string | undefined
  request: PublicRequest | undefined
}

async function fetchFrom(
  url: URL,
  addresses: readonly string[],
  limits: PublicFetchLimits,
  options: Sending,
): Promise<PublicDocument> {
  const response = await sendRequest(url, addresses, limits, options)
  try {
    const { statusCode: status, headers } = response
    const header = (name: string) => headers[name]?.toString()
    const contentType = checkPublicHead(url, { status, header }, limits)
    const body = await readPublicBody(url, response as AsyncIterable<Buffer>, limits)
    return { status: status ?? 0, body, contentType, cacheControl: headers['cache-control'] ?? '' }
  } finally {
    response.destroy()
  }
}

function sendRequest(
  url: URL,
  addresses: readonly string[],
  limits: PublicFetchLimits,
  { signal, certificates, request: sent }: Sending,
): Promise<IncomingMessage> {
  const checked = addresses.map((address) => ({ address, family: isIP(address) }))
  const options: RequestOptions & { ca?: string[] } = {
    signal,
    // No agent: no pooled connection to an address that was checked for somebody else, and no proxy.
    agent: false,
    // Literals never come here: they are connected to as they are, and were checked as they are.
    lookup: (_hostname, { all }, callback) => {
      const [first] = checked
      if (all) callback(null, checked)
      else callback(null, first?.address ?? '', first?.family)
    },
    method: sent?.method ?? 'GET',
    headers: {
      ...sent?.headers,
      accept: limits.contentTypes.join(', '),
      'accept-encoding': 'identity',
      'user-agent': 'auth-agent-mcp',
    },
  }
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ...(certificates === undefined ? {} : { ca: certificates }) })
        : httpRequest(url, options)
    request.once('response', resolve).on('error', reject).end(sent?.body)
  })
}

/**
 * Asks the DNS servers themselves. `getaddrinfo` would hold one of Node's four threads until it gives up, which
 * a stranger's slow name server could use against everything else that needs them, password hashing among it.
 */
async function resolveByDns(hostname: string, signal: AbortSignal): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  signal.addEventListener('abort', () => resolver.cancel(), { once: true })
  const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  const addresses = [ipv4, ipv6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  if (addresses.length === 0 && ipv4.status === 'rejected') throw ipv4.reason
  return addresses
}
