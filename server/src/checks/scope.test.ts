import { expect, it } from 'vitest'
import { isReservedScope, isScopeName, parseScope } from './scope.ts'

it.each([
  ['', []],
  ['files:read', ['files:read']],
  ['files:read files:write', ['files:read', 'files:write']],
  ['b a b', ['b', 'a']],
  ['https://example.com/scope.read !#[]~', ['https://example.com/scope.read', '!#[]~']],
])('parses %j (RFC 6749 §3.3)', (text, names) => {
  expect(parseScope(text)).toEqual(names)
})

it.each([' ', ' a', 'a ', 'a  b', 'a\tb', 'a\nb', 'a"b', 'a\\b', 'ä', 'a\u0000'])('refuses %j', (text) => {
  expect(() => parseScope(text)).toThrow(expect.objectContaining({ code: 'invalid_scope', status: 400 }))
})

it('says which name is wrong', () => {
  expect(() => parseScope('read wr"ite')).toThrow('wr"ite')
})

it('knows what a name is, and which are taken', () => {
  expect(isScopeName('files:read')).toBe(true)
  expect(['', 'a b', '"', 'a\\'].some(isScopeName)).toBe(false)
  expect(['openid', 'offline_access', 'manage', 'email'].every(isReservedScope)).toBe(true)
  expect(isReservedScope('files:read')).toBe(false)
})
