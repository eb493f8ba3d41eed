import { describe, expect, test } from 'vitest'
import { isPublicPath, splitPath } from './request_path.ts'

test('a target is split as it came', () => {
  expect(splitPath('/a/../b?x=1?y')).toEqual({ path: '/a/../b', query: 'x=1?y' })
  expect(splitPath('https://host.example/a%2Fb#c')).toEqual({ path: '/a%2Fb', query: '' })
  expect(splitPath('http://host.example?x')).toEqual({ path: '/', query: 'x' })
  expect(splitPath('//evil.example/health')).toEqual({ path: '//evil.example/health', query: '' })
  expect(splitPath('*')).toEqual({ path: '*', query: '' })
})

const PUBLIC = ['/health', '/docs/*']

test.each(['/health', '/docs/', '/docs/a/b', '/docs/..a', '/docs/a.b/.c', '/docs/%20'])(
  'public: %s',
  (path) => expect(isPublicPath(path, PUBLIC)).toBe(true),
)

describe('never public', () => {
  test.each([
    '/healthy',
    '/health/',
    '/Health',
    '/docs',
    '/docs/../mcp',
    '/docs/..',
    '/docs/.',
    '/docs/./a',
    '/docs//mcp',
    '//docs/a',
    '/docs/%2e%2e/mcp',
    '/docs/%2E./mcp',
    '/docs/..%2fmcp',
    '/docs/a%5c..%5cmcp',
    '/docs/..\\mcp',
    '/%64ocs/a',
    '*',
    '',
  ])('%s', (path) => expect(isPublicPath(path, PUBLIC)).toBe(false))
})
