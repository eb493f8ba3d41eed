import { describe, expect, it, onTestFinished } from 'vitest'
import { startObservedServer } from '../support/observed_server.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

async function start(): Promise<TestServer> {
  const server = await createTestServer()
  onTestFinished(server.close)
  return server
}

/** The ids in the lines that were logged since. */
function idsOf(lines: readonly string[]): (string | undefined)[] {
  return lines.map((line) => /"requestId":"([^"]+)"/.exec(line)?.[1])
}

const MADE = /^req_[0-9a-f]{32}$/

describe('a request has an id', () => {
  it('that a person finds on the error page, and the operator in the log', async () => {
    const server = await start()
    const response = await server.fetch('/authorize?client_id=nobody')
    const id = response.headers.get('X-Request-Id') ?? ''
    expect(id).toMatch(MADE)
    const page = await response.text()
    expect(page).toContain('<dt>Reference</dt>')
    expect(page).toContain(id)
    expect(idsOf(server.logLines.slice(-1))).toEqual([id])
  })

  it('that programs find in a header, while the body is as the RFCs have it', async () => {
    const server = await start()
    const response = await server.fetch('/token', {
      method: 'POST',
      headers: { Origin: 'https://app.example' },
    })
    expect(response.headers.get('X-Request-Id')).toMatch(MADE)
    expect(response.headers.get('Access-Control-Expose-Headers')).toContain('X-Request-Id')
    expect(Object.keys((await response.json()) as object)).toEqual(['error', 'error_description'])
  })

  it('in every line of its log, what is done in the background included', async () => {
    const mailer = { send: () => Promise.reject(new Error('The mail server is away.')) }
    const server = await createTestServer({ mailer })
    onTestFinished(server.close)
    const before = server.logLines.length
    const page = await server.fetch('/sign-in')
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(await page.text()) ?? []
    const cookie = page.headers
      .getSetCookie()
      .map((one) => one.split(';', 1)[0])
      .join('; ')
    const headers = { Cookie: cookie, Origin: new URL(server.issuer).origin }
    const post = (fields: Record<string, string>) =>
      server.fetch('/sign-in', { method: 'POST', headers, body: new URLSearchParams({ csrf, ...fields }) })
    await Promise.all([
      post({ email: OWNER.email, password: OWNER.password }),
      post({ email: OWNER.email, password: 'a wrong password' }),
      post({ email: OWNER.email, method: 'email_code' }),
    ])
    await expect.poll(() => server.logLines.join('\n')).toContain('The mail server is away.')
    const ids = idsOf(server.logLines.slice(before))
    expect(ids.every((id) => id !== undefined && MADE.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(3)
  })

  it('and none is told where all is well', async () => {
    const server = await start()
    expect((await server.fetch('/health')).headers.has('X-Request-Id')).toBe(false)
  })
})

describe('an id in a header', () => {
  const headers = { 'X-Request-Id': 'an-id-of-the-proxy.1' }

  it('counts for nothing from a stranger', async () => {
    const server = await startObservedServer()
    const response = await server.fetch('/nowhere', { headers })
    expect(response.headers.get('X-Request-Id')).toMatch(MADE)
  })

  it('names the request where a trusted proxy sent it, if it is safe to print', async () => {
    const server = await startObservedServer({ trustedProxies: ['127.0.0.0/8', '::1'] })
    const response = await server.fetch('/nowhere', { headers })
    expect(response.headers.get('X-Request-Id')).toBe(headers['X-Request-Id'])
    expect(idsOf(server.logLines.slice(-1))).toEqual([headers['X-Request-Id']])
    for (const unsafe of ['short', 'x'.repeat(81), '<b>bold</b>!', 'two ids, in one']) {
      const made = await server.fetch('/nowhere', { headers: { 'X-Request-Id': unsafe } })
      expect(made.headers.get('X-Request-Id')).toMatch(MADE)
    }
  })
})
