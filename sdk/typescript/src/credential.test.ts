import { describe, expect, test } from 'vitest'
import { findCredential } from './credential.ts'

const codeOf = (authorization: string | undefined, query = ''): unknown => {
  try {
    return findCredential(authorization, query)
  } catch (error) {
    return (error as { code: unknown }).code
  }
}

test('one token after its scheme, in any case', () => {
  expect(findCredential('Bearer abc-._~+/1==', '')).toEqual({ scheme: 'Bearer', token: 'abc-._~+/1==' })
  expect(findCredential('dpop  abc', 'a=1')).toEqual({ scheme: 'DPoP', token: 'abc' })
})

describe('several headers, which come joined', () => {
  test.each([
    'Bearer a, Bearer b',
    'Bearer a,Bearer b',
    'Basic YTpi, Bearer b',
    'Bearer b, Basic YTpi',
    ', Bearer b',
    'Basic YTpi, bearer',
    'Digest username="a, b", Bearer c',
    'Digest username="a", DPoP c',
    'Digest username="a\\", Bearer b", Bearer c',
    'Basic YTpi, Basic YTpi',
  ])('%s', (header) => expect(codeOf(header)).toBe('invalid_request'))
})

test.each([
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Bearer a=b',
  'Bearer\ta',
  'Bearer "a"',
  'DPoP',
  'Bearer =',
  'Bearer é',
])('malformed: %s', (header) => expect(codeOf(header)).toBe('invalid_request'))

test.each([
  undefined,
  '',
  'Basic YTpi',
  'Bearerabc',
  'Bearer-x abc',
  'Digest username="Bearer x", realm="b"',
  'Digest a="b", c = "d"',
])('none of ours: %s', (header) => expect(codeOf(header)).toBe('missing_token'))

test('a token in the query is refused, whatever else there is', () => {
  for (const query of ['access_token=a', 'a=1&access_token=', 'access%5Ftoken=a', 'access_token']) {
    expect(codeOf('Bearer a', query)).toBe('invalid_request')
  }
  expect(findCredential('Bearer a', 'access_tokens=1&x=access_token').token).toBe('a')
})

test('a token that is too long', () => {
  expect(findCredential(`Bearer ${'a'.repeat(16_384)}`, '').token).toHaveLength(16_384)
  expect(codeOf(`Bearer ${'a'.repeat(16_385)}`)).toBe('invalid_token')
})

test('a header that is made to take long does not take longer than a test may', () => {
  for (const piece of ['"\\', '"a', ',', ', a', 'a ', '= ', '\\"']) {
    expect(codeOf(`Digest ${piece.repeat(30_000)}`)).toBeDefined()
  }
})
