import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net'

/** The part of a socket that says who is at its ends. */
export interface Ends {
  remoteAddress?: string | undefined
  localAddress?: string | undefined
}

/** What forwarding proxies set. Whoever bears one of these claims to speak for somebody else. */
const FORWARDING_HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip']

/** Reads CIDRs and addresses. Throws the reason for the first that makes no sense. */
export function parseProxies(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix, ...rest] = range.split('/')
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    const most = family === 'ipv4' ? 32 : 128
    const length = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (isIP(address) === 0 || address.includes('%') || rest.length > 0 || !(length <= most))
      throw new Error(
        `holds ${JSON.stringify(range)}, which is no address range: give CIDRs such as 10.0.0.0/8,fd00::/8`,
      )
    if (length === 0)
      throw new Error(
        `holds ${JSON.stringify(range)}, which would let anybody say who he is: give the addresses of your proxies`,
      )
    list.addSubnet(address, length, family)
  }
  return list
}

/**
 * The client's address: the socket's, or what trusted proxies report. `X-Forwarded-For` is read from its right end,
 * where our own proxy wrote, up to the first address that is no trusted proxy; what stands left of it is hearsay.
 * Undefined for forwarded traffic from a peer that nobody trusts: its one address stands for many clients.
 */
export function findClientAddress(
  { remoteAddress }: Ends,
  headers: IncomingHttpHeaders,
  trusted: BlockList,
): string | undefined {
  const peer = plainAddress(remoteAddress ?? '')
  if (peer === undefined) return undefined
  if (!isIn(trusted, peer)) return FORWARDING_HEADERS.some((name) => name in headers) ? undefined : peer
  const hops = String(headers['x-forwarded-for'] ?? '').split(',')
  let address: string | undefined = peer
  for (const hop of hops.toReversed()) {
    if (hop.trim() === '') continue
    address = plainAddress(hop)
    if (address === undefined || !isIn(trusted, address)) return address
  }
  return address
}

/** Whether the other end of a socket is a proxy that is trusted. */
export function isTrustedPeer({ remoteAddress }: Ends, trusted: BlockList): boolean {
  const peer = plainAddress(remoteAddress ?? '')
  return peer !== undefined && isIn(trusted, peer)
}

/** Whether both ends of a socket are on this machine. */
export function isLoopbackSocket({ remoteAddress, localAddress }: Ends): boolean {
  return [remoteAddress, localAddress].every((end) => {
    const address = plainAddress(end ?? '')
    return address === '::1' || (address !== undefined && isIPv4(address) && address.startsWith('127.'))
  })
}

/** An address without port, brackets, zone and IPv4-mapped prefix; undefined where it is none. */
function plainAddress(text: string): string | undefined {
  const [, bracketed] = /^\[(.+)\](?::\d+)?$/.exec(text.trim()) ?? []
  const [, ipv4WithPort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text.trim()) ?? []
  const bare = (bracketed ?? ipv4WithPort ?? text.trim()).replace(/%.*$/, '')
  if (isIP(bare) !== 6) return isIPv4(bare) ? bare : undefined
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
