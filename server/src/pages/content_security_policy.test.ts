import { describe, expect, it } from 'vitest'
import { contentSecurityPolicy, findFormActionSource } from './content_security_policy.ts'

const STRICT =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

describe('contentSecurityPolicy', () => {
  it('is strict', () => {
    expect(contentSecurityPolicy()).toBe(STRICT)
  })

  it.each([
    ['https://a.example; script-src *', STRICT],
    ['https://a.example;script-src%20*', STRICT],
    ["x:; script-src 'unsafe-inline'", STRICT.replace("'self'; frame", "'self' x:; frame")],
    [
      'https://a.example/;default-src *',
      STRICT.replace("'self'; frame", "'self' https://a.example https:; frame"),
    ],
    ['https://*', STRICT],
    ['https://*.example', STRICT],
    ['*', STRICT],
    ["'unsafe-inline'", STRICT],
    ['javascript:', STRICT],
    ['data:', STRICT],
    ['', STRICT],
    ['https://a.example\r\nSet-Cookie: x=1', STRICT],
    ['https://a,b.example', STRICT],
  ])('lets nothing but a source in: %j', (target, policy) => {
    expect(contentSecurityPolicy([target])).toBe(policy)
  })

  it('lets a form end at an application, and nowhere on the web', () => {
    expect(contentSecurityPolicy(['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor:'])).toContain(
      "form-action 'self' cursor:;",
    )
  })

  it('lets a callback on the web go on to another origin, since Chromium follows the form to the end', () => {
    expect(contentSecurityPolicy(['http://127.0.0.1:33418/callback'])).toContain(
      "form-action 'self' http://127.0.0.1:33418 https:;",
    )
  })
})

describe('findFormActionSource', () => {
  it.each([
    ['https://App.Example/callback?x=1', 'https://app.example'],
    ['https://app.example:8443', 'https://app.example:8443'],
    ['http://localhost:1/cb', 'http://localhost:1'],
    ['http://[::1]:7777/cb', 'http:'],
    ['https://bücher.example/', 'https://xn--bcher-kva.example'],
    ['com.example.app:/oauth', 'com.example.app:'],
    ['vscode:', 'vscode:'],
  ])('%s → %s', (target, source) => {
    expect(findFormActionSource(target)).toBe(source)
  })
})
