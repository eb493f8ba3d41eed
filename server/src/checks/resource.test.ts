import { describe, expect, it } from 'vitest'
import { canonicalResource, checkServerUrl } from './resource.ts'

describe('canonicalResource', () => {
  const url = 'https://mcp.example.com/mcp'

  it.each([
    ['as registered', 'https://mcp.example.com/mcp'],
    ['with a trailing slash', 'https://mcp.example.com/mcp/'],
    ['with several trailing slashes', 'https://mcp.example.com/mcp///'],
    ['with an upper-case scheme', 'HTTPS://mcp.example.com/mcp'],
    ['with an upper-case host', 'https://MCP.Example.COM/mcp'],
    ['with the default port', 'https://mcp.example.com:443/mcp'],
    ['with an empty port', 'https://mcp.example.com:/mcp'],
    ['with a doubled slash', 'https://mcp.example.com//mcp'],
    ['with dot segments', 'https://mcp.example.com/a/../b/./../mcp'],
    ['with encoded dot segments', 'https://mcp.example.com/a/%2E%2e/mcp'],
    ['with an encoded unreserved character', 'https://mcp.example.com/%6Dcp'],
    ['with an empty query', 'https://mcp.example.com/mcp?'],
  ])('is the same %s', (_, spelling) => {
    expect(canonicalResource(spelling)).toEqual({ url, origin: 'https://mcp.example.com' })
  })

  it.each(['https://mcp.example.com', 'https://mcp.example.com/', 'HTTPS://MCP.EXAMPLE.COM:443//'])(
    'writes the bare origin %s without a slash',
    (spelling) => {
      const origin = 'https://mcp.example.com'
      expect(canonicalResource(spelling)).toEqual({ url: origin, origin })
    },
  )

  it.each([
    ['another path', 'https://mcp.example.com/mcp2'],
    ['a path in another case', 'https://mcp.example.com/MCP'],
    ['a longer path', 'https://mcp.example.com/mcp/sse'],
    ['another port', 'https://mcp.example.com:8443/mcp'],
    ['another host', 'https://mcp.example.org/mcp'],
    ['a query', 'https://mcp.example.com/mcp?tenant=a'],
    ['an encoded slash', 'https://mcp.example.com/mcp%2F'],
  ])('is another with %s', (_, other) => {
    expect(canonicalResource(other)).toBeDefined()
    expect(canonicalResource(other)?.url).not.toBe(url)
  })

  it('writes percent-encoding in upper case and keeps the query as it is', () => {
    expect(canonicalResource('https://a.example/x%2fy%7e?q=%2f%7E//')?.url).toBe(
      'https://a.example/x%2Fy~?q=%2f%7E//',
    )
  })

  it.each(['http://localhost:3000/mcp', 'http://127.0.0.1:3000/mcp', 'http://[::1]:3000/mcp'])(
    'takes http on loopback: %s',
    (loopback) => {
      expect(canonicalResource(loopback)?.url).toBe(loopback)
    },
  )

  it.each([
    'https://mcp.example.com/mcp#tools',
    'https://mcp.example.com/mcp#',
    'https://user@mcp.example.com/mcp',
    'https://user:password@mcp.example.com/mcp',
    'https://@mcp.example.com/mcp',
    'http://mcp.example.com/mcp',
    'http://localhost.example.com/mcp',
    'http://192.168.0.1/mcp',
    'ftp://mcp.example.com/mcp',
    'urn:example:mcp',
    'javascript:alert(1)',
    '/mcp',
    'mcp.example.com/mcp',
    'https:mcp.example.com/mcp',
    'https:///mcp.example.com',
    'https:\\\\mcp.example.com\\mcp',
    'https://mcp.example.com\\@evil.example/mcp',
    ' https://mcp.example.com/mcp',
    'https://mcp.example.com/mcp\n',
    'https://mcp.example.com/m\tcp',
    'https://mcp.example.com/%zz',
    'https://mcp.exämple.com/mcp',
    'https://mcp.example.com/'.padEnd(2049, 'a'),
    '',
  ])('knows no resource %j', (text) => {
    expect(canonicalResource(text)).toBeUndefined()
  })
})

describe('checkServerUrl', () => {
  it.each([
    ['https://a.example/mcp#x', /fragment/],
    ['https://u:p@a.example/mcp', /user name/],
    ['http://a.example/mcp', /loopback/],
    ['ftp://a.example/mcp', /https:\/\//],
    ['a.example', /whole address/],
    ['https://exämple.com/', /RFC 3986/],
    ['https://a.example/'.padEnd(2049, 'a'), /2048/],
  ])('says what is wrong with %j', (text, sentence) => {
    expect(() => checkServerUrl(text)).toThrow(
      expect.objectContaining({ code: 'invalid_request', description: expect.stringMatching(sentence) }),
    )
  })

  it('answers the canonical form', () => {
    expect(checkServerUrl('https://A.example/mcp/')).toEqual({
      url: 'https://a.example/mcp',
      origin: 'https://a.example',
    })
  })
})
