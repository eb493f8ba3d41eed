import { expect, it } from 'vitest'
import { refuseTooMany } from './request_limit.ts'

const usedUp = { limit: async () => ({ success: false }) }
const at = (path: string) => new Request(`https://auth.example.com${path}`)
const ask = (path: string) => refuseTooMany(usedUp, at(path), '192.0.2.1')

it.each(['/token', '/authorize', '/sign-in', '/register', '/', '/api/servers', '/introspect/more'])(
  'an address that used up its requests is refused at %s',
  async (path) => {
    const refusal = await ask(path)
    expect([refusal?.status, refusal?.headers.get('Retry-After')]).toEqual([429, '60'])
  },
)

it.each([
  '/introspect',
  '/tenant/introspect',
  '/revocations?wait=20',
  '/health',
  '/ready',
  '/.well-known/jwks.json',
  '/assets/digest/style.css',
])('what servers, monitors and caches ask all the time is not counted: %s', async (path) => {
  expect(await ask(path)).toBeUndefined()
})

it('nobody is refused whose address is not known, or where nothing counts', async () => {
  expect(await refuseTooMany(usedUp, at('/token'), undefined)).toBeUndefined()
  expect(await refuseTooMany(undefined, at('/token'), '192.0.2.1')).toBeUndefined()
})

it.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 1],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', 2],
  ['192.0.2.1', '192.0.2.2', 2],
])('%s and %s are %i', async (one, other, networks) => {
  const keys = new Set<string>()
  const counting = { limit: async ({ key }: { key: string }) => ({ success: keys.add(key) !== undefined }) }
  for (const address of [one, other]) await refuseTooMany(counting, at('/token'), address)
  expect(keys.size).toBe(networks)
})
