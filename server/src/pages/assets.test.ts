import { expect, it } from 'vitest'
import { assetPath, findAsset } from './assets.ts'

it.each([
  ['style.css', 'text/css; charset=utf-8'],
  ['passkey.js', 'text/javascript; charset=utf-8'],
  ['form_post.js', 'text/javascript; charset=utf-8'],
] as const)('serves %s, to be kept for ever', (name, contentType) => {
  const response = findAsset(assetPath('', name))
  expect(response?.headers.get('Content-Type')).toBe(contentType)
  expect(response?.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
  expect(response?.headers.get('X-Content-Type-Options')).toBe('nosniff')
})

it('serves a page of yesterday with today’s files, not to be kept', () => {
  expect(findAsset('/assets/0ldHash/style.css')?.headers.get('Cache-Control')).toBe('no-store')
})

it.each([
  '/assets/x/constructor',
  '/assets/x/__proto__',
  '/assets/../style.css',
  '/assets/x/none.css',
  '/style.css',
  '/',
])('has nothing at %s', (path) => {
  expect(findAsset(path)).toBeUndefined()
})

it('lies below the path of the issuer', () => {
  expect(assetPath('/tenant', 'style.css')).toMatch(/^\/tenant\/assets\/[\w-]+\/style\.css$/)
})
