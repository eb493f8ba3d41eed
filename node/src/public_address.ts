import { BlockList, isIP } from 'node:net'

/** IANA's IPv4 special-purpose address registry, and multicast (RFC 1112). All of it, also what is routed. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** What IANA has given out for global unicast (RFC 4291 §2.4); everything outside is special or unassigned. */
const GLOBAL_UNICAST_IPV6 = ['2000::/3']

/**
 * IANA's IPv6 special-purpose address registry, as far as it lies inside of global unicast: protocol assignments
 * with Teredo, ORCHID and benchmarking (2001::/23), documentation, 6to4, AS112. Outside of it, and so refused
 * as well, are loopback, mapped addresses, NAT64, ULA, link-local, discard, segment routing and multicast.
 */
const SPECIAL_IPV6 = [
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3ffe::/16',
  '3fff::/20',
]

const specialIpv4 = listOf(SPECIAL_IPV4, 'ipv4')
const globalUnicastIpv6 = listOf(GLOBAL_UNICAST_IPV6, 'ipv6')
const specialIpv6 = listOf(SPECIAL_IPV6, 'ipv6')
const loopbackIpv4 = listOf(['127.0.0.0/8'], 'ipv4')

/** Whether an address is a host's on the public Internet: global unicast of no special purpose. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !specialIpv4.check(address, 'ipv4')
  // A zone (fe80::1%eth0) belongs to addresses of one link.
  if (isIP(address) !== 6 || address.includes('%')) return false
  return globalUnicastIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** Whether an address leads to this machine itself (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && loopbackIpv4.check(address, 'ipv4'))
}

function listOf(ranges: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    list.addSubnet(address, Number(prefix), family)
  }
  return list
}
