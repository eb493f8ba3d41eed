import { expect, test } from 'vitest'
import { toReturnPath } from './return_to.ts'

const issuer = {
  url: 'https://as.example/t',
  origin: 'https://as.example',
  basePath: '/t',
  isLoopback: false,
}

test('a page of ours is kept, with its query', () => {
  for (const path of [
    '/t/authorize?client_id=https%3A%2F%2Fapp.example%2F&scope=a+b&state=%22',
    '/t/account',
    '/t/device?user_code=ABCD',
    '/t/invitation?token=x',
    '/t/console/servers/srv_1',
  ]) {
    expect(toReturnPath(issuer, path)).toBe(path)
  }
})

test('everything else becomes the account page (open redirect)', () => {
  for (const path of [
    undefined,
    '',
    'https://evil.example/t/account',
    '//evil.example/t/account',
    '///evil.example',
    '/\\evil.example/t/account',
    '\\\\evil.example',
    '/t/account\\..\\..\\evil',
    '/\t/evil.example/t/account',
    '/t/account\r\nSet-Cookie: a=b',
    ' /t/account',
    '/t/account /',
    'javascript:alert(1)',
    'data:text/html,x',
    '/@evil.example/t/account',
    'https:/t/account',
    'https:t/account',
    '/t/accounts',
    '/t/../authorize',
    '/t/account/../../evil',
    '/t/account/%2e%2e/%2e%2e/evil',
    '/t/account//evil.example',
    '/t/token',
    '/t/sign-in?return_to=/t/account',
    '/account',
    '/t/account?x=\u0000',
    '/t/account?x=é',
    `/t/account?x=${'x'.repeat(20_000)}`,
  ]) {
    expect(toReturnPath(issuer, path), String(path)).toBe('/t/account')
  }
})

test('a fragment is dropped, for the server never sees one', () => {
  expect(toReturnPath(issuer, '/t/account?a=1#x')).toBe('/t/account?a=1')
})
