import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, type TestContext } from '../../../tests/support/context.ts'
import type { ServerContext } from '../context.ts'
import { OAuthError } from '../errors.ts'
import { devInbox } from './dev_inbox.ts'

const ISSUER = 'http://localhost:8787'
const SECRET = 'what the terminal printed'
const HERE = { clientAddress: '127.0.0.1', loopback: true }

let test_: TestContext
beforeAll(async () => {
  test_ = await createTestContext({
    issuer: ISSUER,
    inbox: {
      secret: SECRET,
      list: async () => [
        { to: 'ann@example.com', subject: 'Your code', text: '<b>ABCD-EFGH</b>', sentAt: test_.clock.now },
      ],
    },
  })
})
afterAll(() => test_.close())

interface Visit {
  context?: ServerContext
  url?: string
  headers?: Record<string, string>
  info?: typeof HERE
}

async function visit({ context = test_.context, url = '/dev/inbox', headers = {}, info = HERE }: Visit) {
  const request = new Request(new URL(url, ISSUER), { headers })
  return devInbox(context, request, info).catch((error: unknown) => {
    expect(error).toBeInstanceOf(OAuthError)
    return new Response(null, { status: (error as OAuthError).status })
  })
}

async function cookie(): Promise<string> {
  const response = await visit({ url: `/dev/inbox?secret=${encodeURIComponent(SECRET)}` })
  return response.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''
}

test('the secret becomes a cookie and leaves the address bar; the cookie opens the inbox', async () => {
  const response = await visit({ url: `/dev/inbox?secret=${encodeURIComponent(SECRET)}` })
  expect(response.status).toBe(303)
  expect(response.headers.get('Location')).toBe(`${ISSUER}/dev/inbox`)
  expect(response.headers.getSetCookie()[0]).toMatch(/^inbox=[\w-]{43}; Path=\/; .*HttpOnly; SameSite=Lax$/)
  expect(response.headers.getSetCookie()[0]).not.toContain(SECRET)
  const page = await visit({ headers: { Cookie: await cookie() } })
  expect(page.status).toBe(200)
  const text = await page.text()
  expect(text).toContain('ABCD-EFGH')
  expect(text).not.toContain('<b>')
})

test('without the secret there is no such page', async () => {
  expect((await visit({})).status).toBe(404)
  for (const secret of ['', 'x', `${SECRET}x`, SECRET.slice(0, -1)]) {
    expect((await visit({ url: `/dev/inbox?secret=${encodeURIComponent(secret)}` })).status).toBe(404)
  }
  expect((await visit({ headers: { Cookie: `inbox=${'a'.repeat(43)}` } })).status).toBe(404)
})

test('nor for a peer that is not on this machine, under another name, or without an inbox', async () => {
  const headers = { Cookie: await cookie() }
  expect((await visit({ headers, info: { ...HERE, loopback: false } })).status).toBe(404)
  expect((await visit({ headers, url: 'http://127.0.0.1:8787/dev/inbox' })).status).toBe(404)
  expect((await visit({ headers, url: 'http://localhost:9999/dev/inbox' })).status).toBe(404)
  expect((await visit({ headers: { ...headers, Host: 'rebound.example' } })).status).toBe(404)
  expect((await visit({ headers, context: { ...test_.context, inbox: undefined } })).status).toBe(404)
  const issuer = { ...test_.context.issuer, isLoopback: false }
  expect((await visit({ headers, context: { ...test_.context, issuer } })).status).toBe(404)
})
