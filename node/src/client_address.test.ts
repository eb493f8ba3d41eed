import { describe, expect, it } from 'vitest'
import { findClientAddress, isLoopbackSocket, parseProxies } from './client_address.ts'

const trusted = parseProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'])
const PEER = '198.51.100.1'
const PROXY = '10.0.0.1'

function addressOf(remoteAddress: string | undefined, headers: Record<string, string> = {}) {
  return findClientAddress({ remoteAddress }, headers, trusted)
}

describe('without a trusted proxy', () => {
  it('the client is the peer', () => {
    expect(addressOf(PEER)).toBe(PEER)
    expect(addressOf('::ffff:198.51.100.1')).toBe(PEER)
    expect(addressOf('2001:DB8::1')).toBe('2001:db8::1')
    expect(addressOf('fe80::1%eth0')).toBe('fe80::1')
  })

  it('nobody is known once the socket is gone', () => {
    expect(addressOf(undefined)).toBeUndefined()
  })

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip'])('%s makes the client unknown', (name) => {
    expect(addressOf(PEER, { [name]: '203.0.113.5' })).toBeUndefined()
    expect(addressOf(PEER, { [name]: '' })).toBeUndefined()
  })
})

describe('behind a trusted proxy', () => {
  it.each([
    ['203.0.113.5', '203.0.113.5'],
    ['203.0.113.5, 10.9.9.9', '203.0.113.5'],
    ['203.0.113.5,192.0.2.7,fd00::1, 10.9.9.9', '203.0.113.5'],
    // What a client sent itself stands left of what the proxy wrote.
    ['127.0.0.1, 203.0.113.5', '203.0.113.5'],
    ['10.0.0.2, 203.0.113.5', '203.0.113.5'],
    ['nonsense, 203.0.113.5', '203.0.113.5'],
    ['203.0.113.5:4711', '203.0.113.5'],
    ['[2001:db8::5]:4711', '2001:db8::5'],
    ['[2001:db8::5]', '2001:db8::5'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['0:0:0:0:0:FFFF:cb00:7105, ::ffff:a00:2', '203.0.113.5'],
    [' , 203.0.113.5 , ', '203.0.113.5'],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
  ])('X-Forwarded-For: %s means %s', (header, expected) => {
    expect(addressOf(PROXY, { 'x-forwarded-for': header })).toBe(expected)
    expect(addressOf(`::ffff:${PROXY}`, { 'x-forwarded-for': header })).toBe(expected)
  })

  it.each(['unknown', '203.0.113.5, unknown', '203.0.113.5, _hidden', '203.0.113.5 10.0.0.2'])(
    'X-Forwarded-For: %s means nobody',
    (header) => {
      expect(addressOf(PROXY, { 'x-forwarded-for': header })).toBeUndefined()
    },
  )

  it('its own requests are its own', () => {
    expect(addressOf(PROXY)).toBe(PROXY)
  })
})

describe('isLoopbackSocket', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['::1', '::1', true],
    ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
    ['192.168.1.5', '192.168.1.5', false],
    ['127.0.0.1', '192.168.1.5', false],
    ['192.168.1.5', '127.0.0.1', false],
    [undefined, undefined, false],
  ])('from %s to %s: %s', (remoteAddress, localAddress, expected) => {
    expect(isLoopbackSocket({ remoteAddress, localAddress })).toBe(expected)
  })
})
