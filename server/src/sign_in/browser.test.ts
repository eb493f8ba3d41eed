import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import { OAuthError } from '../errors.ts'
import { checkForgery, identifyBrowser } from './browser.ts'

let test_: TestContext
beforeAll(async () => {
  test_ = await createTestContext()
})
afterAll(() => test_.close())

function request(headers: Record<string, string>): Request {
  return new Request(`${ISSUER}/sign-in`, { method: 'POST', headers })
}

/** A browser with its cookie, and the token of the form that it was shown. */
function meet(): { Cookie: string; csrf: string } {
  const { setCookie = '' } = identifyBrowser(test_.context, request({}))
  const Cookie = setCookie.split(';', 1)[0] ?? ''
  return { Cookie, csrf: identifyBrowser(test_.context, request({ Cookie })).csrf }
}

function refusal(headers: Record<string, string>, csrf: string | undefined): number | undefined {
  try {
    checkForgery(test_.context, request(headers), csrf)
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(OAuthError)
    return (error as OAuthError).status
  }
}

test('a new browser gets a cookie that no other host can set; a known one keeps it', () => {
  const { setCookie } = identifyBrowser(test_.context, request({}))
  expect(setCookie).toMatch(
    /^__Host-browser=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/,
  )
  const { Cookie } = meet()
  const again = identifyBrowser(test_.context, request({ Cookie }))
  expect(again.setCookie).toBeUndefined()
  expect(Cookie).toBe(`__Host-browser=${again.id}`)
})

test('on loopback http the cookie is plain, for Safari drops Secure ones there', async () => {
  const issuer = {
    url: 'http://localhost:8787',
    origin: 'http://localhost:8787',
    basePath: '',
    isLoopback: true,
  }
  const { setCookie } = identifyBrowser({ ...test_.context, issuer }, request({}))
  expect(setCookie).toMatch(/^browser=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/)
})

test('issuers that share an origin do not share cookies', () => {
  const issuer = { url: `${ISSUER}/tenant`, origin: ISSUER, basePath: '/tenant', isLoopback: false }
  expect(identifyBrowser({ ...test_.context, issuer }, request({})).setCookie).toMatch(
    /^__Host-browser-tenant=/,
  )
})

test('a cookie that we cannot have set is replaced', () => {
  for (const value of ['', 'x', 'a'.repeat(44), `${'a'.repeat(42)};`, '<script>'.padEnd(43, 'a')]) {
    expect(
      identifyBrowser(test_.context, request({ Cookie: `__Host-browser=${value}` })).setCookie,
    ).toBeDefined()
  }
})

test('a form with the token of its own browser passes', () => {
  const { Cookie, csrf } = meet()
  expect(refusal({ Cookie }, csrf)).toBeUndefined()
  expect(refusal({ Cookie, Origin: ISSUER }, csrf)).toBeUndefined()
  expect(refusal({ Cookie, Origin: ISSUER, 'Sec-Fetch-Site': 'same-origin' }, csrf)).toBeUndefined()
})

test('Origin is null under the policy no-referrer; only with same-origin from the browser it passes', () => {
  const { Cookie, csrf } = meet()
  expect(refusal({ Cookie, Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }, csrf)).toBeUndefined()
  expect(refusal({ Cookie, Origin: 'null' }, csrf)).toBe(403)
  expect(refusal({ Cookie, Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }, csrf)).toBe(403)
})

test('a form from elsewhere is refused, even with the token', () => {
  const { Cookie, csrf } = meet()
  for (const Origin of [
    'https://evil.example',
    'http://as.example',
    'https://as.example:8443',
    'https://sub.as.example',
    'https://as.example.evil.example',
    'null',
    '',
  ]) {
    expect(refusal({ Cookie, Origin }, csrf), Origin).toBe(403)
  }
  for (const site of ['cross-site', 'same-site', 'nonsense']) {
    expect(refusal({ Cookie, 'Sec-Fetch-Site': site }, csrf), site).toBe(403)
    expect(refusal({ Cookie, Origin: ISSUER, 'Sec-Fetch-Site': site }, csrf), site).toBe(403)
  }
  expect(refusal({ Cookie, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' }, csrf)).toBe(403)
})

test('no token, no cookie, rubbish, and the token of another browser are refused', () => {
  const { Cookie, csrf } = meet()
  const other = meet()
  expect(refusal({ Cookie }, undefined)).toBe(403)
  expect(refusal({ Cookie }, '')).toBe(403)
  expect(refusal({ Cookie }, 'rubbish')).toBe(403)
  expect(refusal({ Cookie }, `${csrf}A`)).toBe(403)
  expect(refusal({}, csrf)).toBe(403)
  expect(refusal({ Cookie: other.Cookie }, csrf)).toBe(403)
})

test('a form from before a sign-in is worth nothing after it', () => {
  const { Cookie, csrf } = meet()
  expect(refusal({ Cookie: `${Cookie}; __Host-session=${'s'.repeat(43)}` }, csrf)).toBe(403)
})
