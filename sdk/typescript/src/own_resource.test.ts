import { beforeEach, expect, test } from 'vitest'
import { createProtectionOn } from './create_protection.ts'
import type { ProtectOptions } from './options.ts'
import { createFakeServer, type FakeServer, OPTIONS, RESOURCE } from './testing/authorization_server.ts'
import { incoming, send } from './testing/request.ts'

const UNAVAILABLE = '503 temporarily_unavailable'
const metadata = (members: object) => () => Response.json({ resource: RESOURCE, ...members })

let server: FakeServer
/** What an MCP server that asks for its URL is answered. */
let answer: () => Response | Promise<Response>
beforeEach(async () => {
  server = await createFakeServer()
  answer = metadata({})
})

function protect(options: Partial<ProtectOptions> = {}) {
  const { fetch } = server.platform
  const platform = {
    ...server.platform,
    fetch: async (url: string, init: RequestInit) =>
      url.includes('/.well-known/oauth-protected-resource/') ? answer() : fetch(url, init),
  }
  return createProtectionOn(platform, { ...OPTIONS, resource: undefined, ...options })
}

const refused = () =>
  Promise.reject(
    new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) }),
  )
const FAILURES: Record<string, [() => Response | Promise<Response>, RegExp]> = {
  'is not reached': [refused, /https:\/\/auth\.example cannot be reached \(ECONNREFUSED\)/],
  'knows no such server': [
    () => Response.json({ error: 'not_found' }, { status: 404 }),
    /answered 404\. Is srv_test registered there\?/,
  ],
  'is something else': [
    () => new Response('<!doctype html>'),
    /answered 200, and no metadata\. Is authServer the address/,
  ],
  'is behind a redirect': [() => new Response(null, { status: 301 }), /answered 301/],
  'knows no URL': [() => Response.json({}), /cannot be used: resource must be a whole URL/],
  'knows a URL that no challenge can hold': [
    metadata({ resource: 'https://mcp.example/"x' }),
    /cannot be used/,
  ],
  'knows a URL without TLS': [
    metadata({ resource: 'http://mcp.example' }),
    /cannot be used: resource must be https/,
  ],
}

test.each(Object.entries(FAILURES))(
  'an authorization server that %s: the operator is told once, and when it is over',
  async (_, [failure, told]) => {
    const protection = protect()
    const token = await server.sign()
    answer = failure
    for (let request = 0; request < 30; request += 1) {
      expect(await send(protection, token)).toBe(UNAVAILABLE)
      server.platform.seconds += 1
    }
    expect(server.platform.warnings).toEqual([expect.stringMatching(told)])
    answer = metadata({})
    expect(await send(protection, token)).toBe('200')
    expect(server.platform.warnings.slice(1)).toEqual([`this server's own URL is known now: ${RESOURCE}`])
  },
)

test('who asks is told that the log says why, and not why', async () => {
  answer = refused
  const decision = await protect().decide(incoming('/mcp'))
  expect(decision.answer?.body).toContain('the log of this server says why')
  expect(decision.answer?.body).not.toMatch(/ECONNREFUSED|auth\.example/)
})

test('scopes that are not registered are named, once', async () => {
  answer = metadata({ scopes_supported: ['files:read'] })
  const toolScopes = { read: ['files:read'], write: ['files:write'], erase: ['files:write', 'files:admin'] }
  const protection = protect({ requiredScopes: ['files:raed'], toolScopes })
  await send(protection, await server.sign())
  await send(protection, await server.sign())
  expect(server.platform.warnings).toEqual([
    expect.stringMatching(/^requiredScopes names files:raed, .* srv_test \(files:read\)/),
    expect.stringMatching(/^toolScopes names files:write files:admin, /),
  ])
})

test('where nothing is known of registered scopes, nothing is told', async () => {
  for (const scopes_supported of [undefined, [], ['files:read']]) {
    answer = metadata({ scopes_supported })
    expect(await send(protect({ requiredScopes: ['files:read'] }), await server.sign())).toBe('200')
  }
  expect(server.platform.warnings).toEqual([])
})

test('a list without elements is no part of the metadata (RFC 9728 §3.2)', async () => {
  answer = metadata({ scopes_supported: [] })
  const { answer: given } = await protect().decide(
    incoming('/.well-known/oauth-protected-resource', { method: 'GET' }),
  )
  expect(JSON.parse(given?.body ?? '')).not.toHaveProperty('scopes_supported')
})
