import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Bindings } from './bindings.ts'
import { learnFromAnswer, readAsked, refuseTooMany } from './request_limit.ts'

const ISSUER = 'https://auth.example.com'
const HYPERDRIVE = { connectionString: '' }

afterEach(() => void vi.restoreAllMocks())

/** Counts nothing, and notes under which key what would have been counted. */
function countingBindings(issuer = ISSUER) {
  const counted: string[] = []
  const limit = (name: string) => ({
    limit: async ({ key }: { key: string }) => ({ success: counted.push(`${name} ${key}`) > 0 }),
  })
  const bindings = {
    HYPERDRIVE,
    ISSUER_URL: issuer,
    REQUEST_LIMIT: limit('request'),
    API_KEY_LIMIT: limit('api key'),
  } satisfies Bindings
  return { bindings, counted }
}

async function countOf(request: Request, issuer?: string, address = '192.0.2.1'): Promise<string[]> {
  const { bindings, counted } = countingBindings(issuer)
  await refuseTooMany(bindings, readAsked(bindings, request), address)
  return counted
}

let keys = 0
/** In the form of an API key, with another id each time. */
function newApiKey(): string {
  keys += 1
  const id = String(keys)
    .padStart(26, '0')
    .replace(/./g, (digit) => 'abcdefghij'[Number(digit)] ?? '')
  return `sk_${id}_${'0'.repeat(43)}`
}
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })
/** Has the isolate see how a request was answered. */
function learn(request: Request, response: Response, issuer = ISSUER): void {
  learnFromAnswer(readAsked(countingBindings(issuer).bindings, request), response)
}
const introspect = (headers: Record<string, string>, base = '') =>
  new Request(`${ISSUER}${base}/introspect`, { method: 'POST', headers })

describe('an address', () => {
  it('that used up its requests is refused', async () => {
    const usedUp = { limit: async () => ({ success: false }) }
    const bindings: Bindings = { HYPERDRIVE, ISSUER_URL: ISSUER, REQUEST_LIMIT: usedUp }
    const asked = readAsked(bindings, new Request(`${ISSUER}/token`))
    const refusal = await refuseTooMany(bindings, asked, '192.0.2.1')
    expect([refusal?.status, refusal?.headers.get('Retry-After')]).toEqual([429, '60'])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('the counter is away'))],
    [
      'throws',
      () => {
        throw new Error('the counter is away')
      },
    ],
  ])('is refused while what counts %s, and told to come again; the log says why', async (_how, limit) => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    const bindings: Bindings = { HYPERDRIVE, ISSUER_URL: ISSUER, REQUEST_LIMIT: { limit } }
    const asked = readAsked(bindings, new Request(`${ISSUER}/token`))
    const refusal = await refuseTooMany(bindings, asked, '192.0.2.1')
    expect([refusal?.status, refusal?.headers.get('Retry-After')]).toEqual([503, '30'])
    expect(await refusal?.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: expect.not.stringContaining('away'),
    })
    expect(log.mock.calls.flat().join()).toContain('The binding REQUEST_LIMIT failed: the counter is away')
  })

  it.each([
    '/token',
    '/authorize',
    '/',
    '/api/servers',
    '/introspect',
    '/revocations?wait=20',
    '/ready',
    '/.well-known/oauth-protected-resource/srv_1',
    '/.well-known/unknown',
    '/tenant/health',
    '/tenant/.well-known/jwks.json',
    '/.well-known/openid-configuration/tenant',
    '/nothing/assets/digest/style.css',
    '/token?/health',
    '//health',
  ])('is counted at %s', async (path) => {
    expect(await countOf(new Request(ISSUER + path))).toEqual(['request 192.0.2.1'])
  })

  it.each([
    '/health',
    '/%68ealth',
    '/.well-known/jwks.json',
    '/.well-known/openid-configuration',
    '/assets/d/style.css',
  ])('is not counted at %s, which costs nothing', async (path) => {
    expect(await countOf(new Request(ISSUER + path))).toEqual([])
  })

  it('is not counted for what costs nothing below the path of the issuer', async () => {
    for (const path of ['/tenant/.well-known/jwks.json', '/.well-known/openid-configuration/tenant'])
      expect(await countOf(new Request(ISSUER + path), `${ISSUER}/tenant`)).toEqual([])
    const jwks = new Request(`${ISSUER}/.well-known/jwks.json`)
    expect(await countOf(jwks, `${ISSUER}/tenant`)).toHaveLength(1)
  })

  it.each([undefined, 'no URL'])(
    'is counted while the issuer is %s, with which the server does not start',
    async (issuer) => {
      const { bindings, counted } = countingBindings()
      const wrong = { ...bindings, ISSUER_URL: issuer }
      await refuseTooMany(wrong, readAsked(wrong, new Request(`${ISSUER}/token`)), '192.0.2.1')
      expect(counted).toEqual(['request 192.0.2.1'])
    },
  )

  it('is not counted where it is not known, or where nothing counts', async () => {
    const { bindings, counted } = countingBindings()
    const asked = readAsked(bindings, new Request(`${ISSUER}/token`))
    await refuseTooMany(bindings, asked, undefined)
    expect(counted).toEqual([])
    expect(await refuseTooMany({ HYPERDRIVE }, asked, '192.0.2.1')).toBeUndefined()
  })

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 1],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', 2],
    ['192.0.2.1', '192.0.2.2', 2],
  ])('of IPv6 is a /64: %s and %s are %i', async (one, other, networks) => {
    const request = new Request(`${ISSUER}/token`)
    const counted = [await countOf(request, ISSUER, one), await countOf(request, ISSUER, other)]
    expect(new Set(counted.flat()).size).toBe(networks)
  })
})

describe('what an MCP server asks', () => {
  it('is counted apart until its API key is accepted, then not at all', async () => {
    const key = newApiKey()
    expect(await countOf(introspect(bearer(key)))).toEqual(['api key 192.0.2.1'])
    learn(introspect(bearer(key)), new Response('{}'))
    expect(await countOf(introspect(bearer(key)))).toEqual([])
    const feed = new Request(`${ISSUER}/revocations?wait=20`, { headers: bearer(key) })
    expect(await countOf(feed)).toEqual([])
  })

  it('is counted again when its API key is no longer accepted', async () => {
    const key = newApiKey()
    learn(introspect(bearer(key)), new Response('{}'))
    learn(introspect(bearer(key)), new Response('{}', { status: 503 }))
    expect(await countOf(introspect(bearer(key)))).toEqual([])
    learn(introspect(bearer(key)), new Response('{}', { status: 401 }))
    expect(await countOf(introspect(bearer(key)))).toHaveLength(1)
  })

  it('may have its path encoded, as the router reads it', async () => {
    const request = new Request(`${ISSUER}/introspec%74`, { method: 'POST', headers: bearer(newApiKey()) })
    expect(await countOf(request)).toEqual(['api key 192.0.2.1'])
  })

  it('with another secret for the id of a key is counted, and takes nothing from the key', async () => {
    const key = newApiKey()
    const guess = `${key.slice(0, -1)}a`
    learn(introspect(bearer(key)), new Response('{}'))
    expect(await countOf(introspect(bearer(guess)))).toEqual(['api key 192.0.2.1'])
    learn(introspect(bearer(guess)), new Response('{}', { status: 401 }))
    expect(await countOf(introspect(bearer(key)))).toEqual([])
  })

  it('may come with HTTP Basic, and below the path of the issuer', async () => {
    const basic = { Authorization: `Basic ${btoa(`srv_1:${newApiKey()}`)}` }
    expect(await countOf(introspect(basic, '/tenant'), `${ISSUER}/tenant`)).toEqual(['api key 192.0.2.1'])
    learn(introspect(basic, '/tenant'), new Response('{}'), `${ISSUER}/tenant`)
    expect(await countOf(introspect(basic, '/tenant'), `${ISSUER}/tenant`)).toEqual([])
  })

  it('is not what a stranger asks with a key of his own making', async () => {
    const counted: string[] = []
    for (let tries = 0; tries < 3; tries += 1)
      counted.push(...(await countOf(introspect(bearer(newApiKey())))))
    expect(counted).toEqual(Array(3).fill('api key 192.0.2.1'))
  })

  it.each([
    [
      'another method',
      new Request(`${ISSUER}/introspect`, { method: 'OPTIONS', headers: bearer(newApiKey()) }),
    ],
    ['another path', new Request(`${ISSUER}/token`, { method: 'POST', headers: bearer(newApiKey()) })],
    ['no API key', introspect({ Authorization: 'Bearer something' })],
  ])('is not a request with %s, whatever its answer', async (_what, request) => {
    learn(request, new Response('{}'))
    expect(await countOf(request)).toEqual(['request 192.0.2.1'])
  })

  it('is not a request whose answer did not depend on the key', async () => {
    const key = newApiKey()
    for (const status of [204, 400, 405, 429]) learn(introspect(bearer(key)), new Response(null, { status }))
    expect(await countOf(introspect(bearer(key)))).toHaveLength(1)
  })
})
