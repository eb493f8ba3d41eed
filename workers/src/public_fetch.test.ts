import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPublicFetch, type PublicFetchOptions } from './public_fetch.ts'

const LIMITS = { maxBytes: 10, contentTypes: ['application/json'] }
const JSON_TYPE = { 'Content-Type': 'application/json' }

afterEach(() => vi.unstubAllGlobals())

/** What is refused, or the body; `fetch` is the platform's. */
async function outcome(
  url: string,
  answer: (init: RequestInit) => Promise<Response>,
  options: PublicFetchOptions = {},
) {
  const platform = vi.fn((_url: URL, init: RequestInit) => answer(init))
  vi.stubGlobal('fetch', platform)
  const result = await createPublicFetch(options)(new URL(url), LIMITS).then(
    ({ body }) => Buffer.from(body).toString(),
    (error: { code: string }) => error.code,
  )
  return { result, init: platform.mock.calls[0]?.[1] }
}

describe('a URL that a stranger named', () => {
  it('is fetched with a limit, without redirects and without any credential', async () => {
    const { result, init } = await outcome('https://client.example/id', async () =>
      Response.json({ a: 1 }, { headers: { 'Cache-Control': 'max-age=600' } }),
    )
    expect(result).toBe('{"a":1}')
    expect(init).toMatchObject({ redirect: 'manual', signal: expect.any(AbortSignal) })
    expect(Object.keys(init?.headers ?? {})).toEqual(['accept', 'accept-encoding', 'user-agent'])
  })

  it('is sent what an upstream provider is asked, without losing what the fetch sets by itself', async () => {
    const answer = vi.fn((_url: URL, _init: RequestInit) =>
      Promise.resolve(Response.json({}, { status: 400 })),
    )
    vi.stubGlobal('fetch', answer)
    const request = {
      method: 'POST',
      headers: { authorization: 'Basic YTpi', accept: 'a/b' },
      body: 'c=d',
    } as const
    const limits = { ...LIMITS, statuses: [200, 400] }
    const url = new URL('https://login.example/token')
    expect(await createPublicFetch()(url, limits, request)).toMatchObject({ status: 400 })
    expect(answer.mock.calls[0]?.[1]).toMatchObject({
      method: 'POST',
      body: 'c=d',
      headers: { authorization: 'Basic YTpi', accept: 'application/json' },
    })
  })

  it.each([
    ['http://client.example/', 'url_not_allowed'],
    ['https://client.example:8443/', 'url_not_allowed'],
    ['https://user@client.example/', 'url_not_allowed'],
    ['https://127.0.0.1/', 'address_not_allowed'],
    ['https://0x7f000001/', 'address_not_allowed'],
    ['https://[::1]/', 'address_not_allowed'],
    ['https://localhost/', 'address_not_allowed'],
    ['https://a.localhost./', 'address_not_allowed'],
    ['https://203.0.113.7/', 'address_not_allowed'],
  ])('%s is not fetched: %s', async (url, code) => {
    expect(await outcome(url, async () => new Response())).toEqual({ result: code, init: undefined })
  })

  it.each([
    'http://127.0.0.1:3000/client.json',
    'http://localhost:3000/client.json',
    'http://a.localhost/client.json',
    'http://[::1]:3000/client.json',
    'https://client.example/client.json',
  ])('%s is fetched where loopback is allowed', async (url) => {
    const answer = async () => Response.json({ a: 1 })
    expect((await outcome(url, answer, { allowLoopback: true })).result).toBe('{"a":1}')
  })

  it.each([
    ['http://client.example/', 'url_not_allowed'],
    ['https://client.example:8443/', 'url_not_allowed'],
    ['http://user@127.0.0.1/', 'url_not_allowed'],
    ['file://localhost/etc/passwd', 'url_not_allowed'],
    ['http://localhost.client.example/', 'url_not_allowed'],
    ['https://127.0.0.1.client.example:3000/', 'url_not_allowed'],
    ['https://10.0.0.1/', 'address_not_allowed'],
    ['https://169.254.169.254/', 'address_not_allowed'],
    ['https://[::ffff:127.0.0.1]/', 'address_not_allowed'],
  ])('%s is not fetched where loopback is allowed either: %s', async (url, code) => {
    const allowed = await outcome(url, async () => new Response(), { allowLoopback: true })
    expect(allowed).toEqual({ result: code, init: undefined })
  })

  it.each([
    ['status', new Response(null, { status: 302, headers: { Location: 'https://other.example/' } })],
    ['unreachable', new Response('', { status: 503 })],
    ['content_type', new Response('<p>')],
    ['content_type', new Response('x', { headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' } })],
    ['too_large', new Response('x', { headers: { ...JSON_TYPE, 'Content-Length': '11' } })],
    ['too_large', new Response('12345678901', { headers: JSON_TYPE })],
  ])('is refused: %s', async (code, response) => {
    expect((await outcome('https://client.example/', async () => response)).result).toBe(code)
  })

  it('is given up in time', async () => {
    const hang = ({ signal }: RequestInit) =>
      new Promise<Response>((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
      })
    expect((await outcome('https://client.example/', hang, { timeoutMs: 5 })).result).toBe('timeout')
    expect((await outcome('https://client.example/', () => Promise.reject(new TypeError()))).result).toBe(
      'unreachable',
    )
  })
})
