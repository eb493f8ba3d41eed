import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, invite, postForm, postJson, waitFor } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

interface Answer {
  what: string
  status: number
  headers: Headers
  text: string
}

/** A server that keeps every answer, and a walk over each of its pages, in success and in failure. */
async function walk(issuer: string): Promise<{ server: TestServer; answers: Answer[] }> {
  const answers: Answer[] = []
  const inner = await createTestServer({ issuer })
  const server: TestServer = {
    ...inner,
    async fetch(path, init, info) {
      const response = await inner.fetch(path, init, info)
      const text = await response.clone().text()
      const what = `${init?.method ?? 'GET'} ${new URL(path, issuer).pathname} ${response.status}`
      answers.push({ what, status: response.status, headers: response.headers, text })
      return response
    },
  }
  await registerServer(server)
  await invite(server, 'guest@example.com')
  await seePages(server)
  await seeFailures(server)
  return { server: inner, answers }
}

async function seePages(server: TestServer): Promise<void> {
  await grant(server, { browser: createBrowser(server), parameters: { scope: 'openid files:read' } })
  const { browser } = await createSignedInBrowser(server)
  const posted = authorizeUrl(await registerClient(server), createPkce(), { response_mode: 'form_post' })
  await browser.submit(await browser.open(posted), { decision: 'approve' }, '/consent')
  for (const path of [
    '/',
    '/account',
    '/logout',
    '/sign-in?switch=1',
    '/password-reset',
    '/setup',
    '/invitation',
  ]) {
    await browser.open(path)
  }
  const fresh = createBrowser(server)
  const before = server.mails.length
  await fresh.submit(await fresh.open('/sign-in'), { email: OWNER.email, method: 'email_code' }, '/sign-in')
  await fresh.submit(await fresh.open('/password-reset'), { email: OWNER.email }, '/password-reset')
  await waitFor(() => server.mails.length >= before + 2)
  const link = server.mails.map(({ text }) => /\S+\/password-reset\/new\S+/.exec(text)?.[0]).find(Boolean)
  await fresh.open(link ?? '')
  await browser.submit(await browser.open('/account'), {}, '/logout')
}

async function seeFailures(server: TestServer): Promise<void> {
  const browser = createBrowser(server, '192.0.2.1')
  for (const path of [
    '/nothing',
    '/authorize',
    '/consent',
    '/api/nothing',
    '/assets/nothing',
    '/token',
    '/register',
  ]) {
    await browser.open(path)
    await browser.post(path, { a: 'b' })
  }
  const id = await registerClient(server, { redirect_uris: ['https://app.example/'] })
  await browser.open(
    authorizeUrl(id, createPkce(), { redirect_uri: 'https://app.example/', scope: 'nothing' }),
  )
  for (let round = 0; round < 11; round += 1) {
    await signIn(browser, await browser.open('/sign-in'), { email: 'nobody@example.com', password: 'x' })
  }
  await postForm(server, '/token', { grant_type: 'password' })
  await postForm(server, '/introspect', { token: 'x' })
  await postJson(server, '/register', '{')
  await server.fetch('/userinfo')
  await server.fetch('/api/servers')
}

describe.each(['http://localhost:8787', 'https://auth.example.com'])('every answer of %s', (issuer) => {
  let server: TestServer
  let answers: Answer[]
  const pages = () => answers.filter(({ headers }) => headers.get('Content-Type')?.startsWith('text/html'))

  beforeAll(async () => {
    const walked = await walk(issuer)
    server = walked.server
    answers = walked.answers
  })
  afterAll(() => server.close())

  it('control: the walk saw pages of every kind', () => {
    const kinds = new Set(pages().map(({ what }) => what))
    for (const kind of [
      'GET /authorize 200',
      'POST /consent 200',
      'POST /sign-in 429',
      'POST /sign-in 401',
      'POST /sign-in 200',
      'GET /password-reset/new 200',
      'GET /nothing 404',
      'GET /authorize 400',
      'GET /account 200',
    ]) {
      expect([...kinds]).toContain(kind)
    }
  })

  it('clickjacking: no page may be framed, whatever it says (RFC 9700 §4.16, MCP security)', () => {
    for (const { what, headers } of pages()) {
      expect([what, headers.get('Content-Security-Policy')]).toEqual([
        what,
        expect.stringContaining("frame-ancestors 'none'"),
      ])
      expect([what, headers.get('X-Frame-Options')]).toEqual([what, 'DENY'])
    }
  })

  it('no page runs a script, a style, a frame or a base of anybody else', () => {
    for (const { what, headers, text } of pages()) {
      const policy = headers.get('Content-Security-Policy') ?? ''
      expect([what, policy]).toEqual([what, expect.stringContaining("default-src 'none'")])
      expect([what, policy]).toEqual([what, expect.stringContaining("base-uri 'none'")])
      expect([
        what,
        /unsafe-|'strict-dynamic'|\*|data:(?!;)/.exec(policy.replace("img-src 'self' data:", '')),
      ]).toEqual([what, null])
      expect([what, /script-src ([^;]+)/.exec(policy)?.[1]]).toEqual([what, "'self'"])
      expect([
        what,
        /<script(?![^>]*src="[^"]*\/assets\/)|\son\w+=|<style|style="|javascript:/i.exec(text)?.[0],
      ]).toEqual([what, undefined])
    }
  })

  it('no answer may be sniffed for another type, and none but documents and assets may be kept', () => {
    for (const { what, headers } of pages())
      expect([what, headers.get('X-Content-Type-Options')]).toEqual([what, 'nosniff'])
    for (const { what, headers } of answers.filter((one) => !/well-known|assets|openapi/.test(one.what))) {
      expect([what, headers.get('Cache-Control')]).toEqual([what, expect.stringContaining('no-store')])
    }
  })

  it('every cookie is HttpOnly, SameSite=Lax, of this host alone, and Secure with __Host- on https (MCP security)', () => {
    const cookies = answers.flatMap(({ headers }) => headers.getSetCookie())
    expect(new Set(cookies.map((cookie) => cookie.split('=')[0]?.replace('__Host-', '')))).toEqual(
      new Set(['browser', 'session', 'known']),
    )
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; Path=\/(;|$)/)
      expect(cookie).toMatch(/; HttpOnly/)
      expect(cookie).toMatch(/; SameSite=Lax/)
      expect(cookie).not.toMatch(/Domain=/i)
      if (issuer.startsWith('https:')) expect(cookie).toMatch(/^__Host-.*; Secure/)
    }
  })

  it('no answer contains a stack, a path of this machine, or SQL', () => {
    // A name of PostgreSQL's own; of `pg_` alone there is one in a random value now and then.
    const inside =
      /\n\s+at |\/work\/|node_modules|\.ts:\d+|auth_agent\.|select .* from |\bpg_[a-z]{4}|SQLSTATE/i
    for (const { what, text } of answers) {
      expect([what, inside.exec(text)?.[0]]).toEqual([what, undefined])
      expect(what).not.toMatch(/ 5\d\d$/)
    }
  })

  it('only what programs call answers other origins, and never with credentials', () => {
    for (const { what, headers } of answers) {
      const allowed = headers.get('Access-Control-Allow-Origin')
      if (/ \/(token|introspect|revoke|register|userinfo|\.well-known)/.test(what))
        expect([what, allowed]).toEqual([what, '*'])
      else expect([what, allowed]).toEqual([what, null])
      expect(headers.get('Access-Control-Allow-Credentials')).toBeNull()
    }
  })

  it.each(['TRACE', 'CONNECT', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'TRACK'])(
    'the method %s does nothing anywhere',
    async (method) => {
      for (const path of [
        '/token',
        '/authorize',
        '/consent',
        '/sign-in',
        '/account',
        '/introspect',
        '/logout',
        '/health',
      ]) {
        let status: number
        try {
          status = (await server.fetch(path, { method })).status
        } catch (error) {
          // The Fetch standard forbids some methods; then no server sees them.
          expect(error).toBeInstanceOf(TypeError)
          continue
        }
        expect([path, status]).toEqual([path, 405])
      }
    },
  )
})
