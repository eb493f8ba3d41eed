import { describe, expect, it } from 'vitest'
import { checkRedirectUri, isRegisteredRedirectUri, redirectKind, redirectOrigin } from './redirect_uri.ts'

describe('a client may register', () => {
  it.each([
    'https://client.example.com/callback',
    'https://client.example.com:8443/callback?tenant=a',
    'https://client.example.com',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:33418/callback',
    'http://[::1]:33418/callback',
    'http://localhost:33418',
    'http://localhost/callback?from=cli',
    'com.example.app:/callback',
    'com.example.app://callback',
    'cursor://anysphere.cursor-mcp/oauth/callback',
    'vscode://vscode.github-authentication/did-authenticate',
  ])('%s', (uri) => {
    expect(() => checkRedirectUri(uri)).not.toThrow()
  })
})

describe('a client may not register', () => {
  it.each([
    ['/callback', 'is not an absolute URI'],
    ['', 'is not an absolute URI'],
    ['https://client.example.com/a b', 'is not an absolute URI'],
    ['https://client.example.com/ä', 'is not an absolute URI'],
    ['https://client.example.com\\@evil.example/', 'is not an absolute URI'],
    ['https://client.example.com/\n', 'is not an absolute URI'],
    ['http://127.0.0.1:99999/callback', 'is not an absolute URI'],
    ['https://client.example.com/callback#', 'has a fragment'],
    ['com.example.app:/callback#token', 'has a fragment'],
    ['https://user@client.example.com/', 'contains user information'],
    ['https://:password@client.example.com/', 'contains user information'],
    ['http://127.0.0.1@evil.example/', 'contains user information'],
    ['https://*.example.com/callback', 'contains a wildcard'],
    ['https:client.example.com', 'has no host'],
    ['https:///client.example.com', 'has no host'],
    ['HTTPS://client.example.com/', 'has no host'],
    ['http://client.example.com/callback', 'is http'],
    ['http://localhost.evil.example/', 'is http'],
    ['http://127.0.0.2/callback', 'is http'],
    ['http://127.1/callback', 'is http'],
    ['http://0x7f000001/callback', 'is http'],
    ['http://0.0.0.0/callback', 'is http'],
    ['http://[::ffff:127.0.0.1]/callback', 'is http'],
    ['HTTP://127.0.0.1/callback', 'is http'],
    ['Cursor://anysphere.cursor-mcp/oauth/callback', 'not in lower case'],
    ['javascript:alert(1)', 'has the scheme javascript'],
    ['JavaScript:alert(1)', 'not in lower case'],
    ['data:text/html,hello', 'has the scheme data'],
    ['vbscript:x', 'has the scheme vbscript'],
    ['file:///etc/passwd', 'has the scheme file'],
    ['blob:https://client.example.com/x', 'has the scheme blob'],
    ['about:blank', 'has the scheme about'],
    ['ftp://client.example.com/', 'has the scheme ftp'],
    ['ws://client.example.com/', 'has the scheme ws'],
    ['myapp://callback', 'has the scheme myapp'],
    ['urn:ietf:wg:oauth:2.0:oob', 'has the scheme urn'],
  ])('%s, which %s', (uri, why) => {
    expect(() => checkRedirectUri(uri)).toThrow(why)
    expect(() => checkRedirectUri(uri)).toThrow(/^invalid_redirect_uri/)
  })

  it('one so long that the refusal would repeat it all', () => {
    expect(() => checkRedirectUri(`ftp://${'a'.repeat(5_000)}`)).toThrow(/^.{1,400}$/)
  })
})

describe('a redirect URI of a request', () => {
  const REGISTERED = [
    'https://client.example.com/callback',
    'http://127.0.0.1/callback',
    'http://localhost:3000/callback?x=1',
    'http://[::1]/callback',
    'com.example.app:/callback',
  ]

  it.each([
    ...REGISTERED,
    'http://127.0.0.1:1/callback',
    'http://127.0.0.1:65535/callback',
    'http://localhost/callback?x=1',
    'http://localhost:4711/callback?x=1',
    'http://[::1]:4711/callback',
  ])('is a registered one, but for the port on loopback (RFC 8252 section 7.3): %s', (uri) => {
    expect(isRegisteredRedirectUri(REGISTERED, uri)).toBe(true)
  })

  it.each([
    ['has another path', 'https://client.example.com/callback/'],
    ['has a query more', 'https://client.example.com/callback?x=1'],
    ['has another case', 'https://client.example.com/Callback'],
    ['has the default port, which is another string', 'https://client.example.com:443/callback'],
    ['has another port on https', 'https://client.example.com:8443/callback'],
    ['has another host', 'https://client.example.com.evil.example/callback'],
    ['climbs back', 'https://client.example.com/x/../callback'],
    ['has another path on loopback', 'http://127.0.0.1:4711/callback/evil'],
    ['has another query on loopback', 'http://localhost:4711/callback?x=2'],
    ['has another name for loopback', 'http://localhost:4711/callback'],
    ['has another address of loopback', 'http://127.0.0.2:4711/callback'],
    ['has a port that is none', 'http://127.0.0.1:65536/callback'],
    ['has an empty port', 'http://127.0.0.1:/callback'],
    ['has user information that looks like a port', 'http://127.0.0.1:80@evil.example/callback'],
    ['is https on loopback', 'https://127.0.0.1:4711/callback'],
    ['has a fragment on loopback', 'http://127.0.0.1:4711/callback#x'],
    ['has another path in an app', 'com.example.app:/callback2'],
    ['is empty', ''],
  ])('is refused when it %s', (_, uri) => {
    expect(isRegisteredRedirectUri(REGISTERED, uri)).toBe(false)
  })

  it('is never registered with a client that registered none', () => {
    expect(isRegisteredRedirectUri([], 'https://client.example.com/callback')).toBe(false)
  })
})

describe('where a redirect leads', () => {
  it.each([
    ['https://client.example.com:8443/callback?x=1', 'https', 'https://client.example.com:8443'],
    ['http://127.0.0.1:4711/callback', 'loopback', 'http://127.0.0.1'],
    ['http://[::1]:4711/callback', 'loopback', 'http://[::1]'],
    ['http://localhost:4711/callback', 'loopback', 'http://localhost'],
    ['com.example.app:/callback', 'app', 'com.example.app:'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'app', 'cursor:'],
  ])('%s: %s, of %s', (uri, kind, origin) => {
    expect(redirectKind(uri)).toBe(kind)
    expect(redirectOrigin(uri)).toBe(origin)
  })
})
