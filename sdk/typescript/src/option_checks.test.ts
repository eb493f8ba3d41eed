import { expect, test } from 'vitest'
import { checkOptions } from './option_checks.ts'
import type { ProtectOptions } from './options.ts'

const REQUIRED = { serverId: 'srv_abc', apiKey: 'sk_secret' }

test('two options are enough', () => {
  expect(checkOptions(REQUIRED)).toMatchObject({
    authServer: 'http://localhost:8787',
    validation: 'introspect',
    maxStaleness: 30,
    allowedOrigins: '*',
    maxBodySize: 16_777_216,
    filterTools: false,
    toolScopes: undefined,
  })
})

const WRONG: readonly Record<string, unknown>[] = [
  { serverId: undefined },
  { serverId: 'sk_secret' },
  { serverId: 'srv_a/b' },
  { apiKey: undefined },
  { apiKey: 'srv_abc' },
  { apiKey: 'sk_secret\n' },
  { authServer: 'https://auth.example/' },
  { authServer: 'http://auth.example' },
  { authServer: 'https://user@auth.example' },
  { authServer: 'https://auth.example?a' },
  { authServer: 'auth.example' },
  { authServer: 'javascript://auth.example' },
  { resource: 'http://mcp.example/mcp' },
  { resource: 'https://mcp.example/mcp#a' },
  { resource: '/mcp' },
  { resource: 'https://mcp.example/m cp' },
  { requiredScopes: 'files:read' },
  { requiredScopes: ['files:read files:write'] },
  { requiredScopes: [''] },
  { toolScopes: { read: 'files:read' } },
  { toolScopes: [] },
  { toolScopes: { '': [] } },
  { scopeHierarchy: { 'a b': ['c'] } },
  { scopeHierarchy: { a: ['b"'] } },
  { filterTools: true },
  { filterTools: 'yes', toolScopes: {} },
  { publicPaths: '/health' },
  { publicPaths: ['health'] },
  { publicPaths: ['/a*b'] },
  { publicPaths: ['/*'] },
  { publicPaths: ['/a?b'] },
  { validation: 'none' },
  { maxStaleness: -1 },
  { maxStaleness: Number.NaN },
  { maxStaleness: '30' },
  { allowedOrigins: 'https://app.example' },
  { allowedOrigins: ['*'] },
  { allowedOrigins: ['null'] },
  { allowedOrigins: ['https://app.example/'] },
  { maxBodySize: 0 },
  { maxBodySize: 1.5 },
  { scopesSupported: 'files:read' },
  { resourceName: '' },
  { resourceName: ' ' },
  { requiredScope: ['files:read'] },
]

test.each(WRONG.map((wrong) => [JSON.stringify(wrong), wrong] as const))('%s is refused', (_, wrong) => {
  const [name = ''] = Object.keys(wrong)
  const check = () => checkOptions({ ...REQUIRED, ...wrong } as ProtectOptions)
  expect(check).toThrow(TypeError)
  expect(check).toThrow(new RegExp(`^${name}\\b.* .*\\.$`))
  expect(check).not.toThrow(/secret/)
})

test('http is good on loopback', () => {
  for (const host of ['localhost:8787', '127.0.0.1', '[::1]:9']) {
    const url = `http://${host}`
    expect(checkOptions({ ...REQUIRED, authServer: url, resource: `${url}/mcp` })).toMatchObject({
      authServer: url,
    })
  }
})
