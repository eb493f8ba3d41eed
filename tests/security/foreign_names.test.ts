import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

const PATHS = [
  '/authorize',
  '/token',
  '/account',
  '/api/servers',
  '/.well-known/jwks.json',
  '/sign-in',
  '/dev/inbox',
]

describe('names that somebody else chose: Host, X-Forwarded-*, Origin', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  describe('DNS rebinding: on a loopback issuer another Host reaches nothing', () => {
    it.each([
      'evil.example',
      'localhost:1',
      'localhost',
      '127.0.0.1:8787',
      'localhost:8787.evil.example',
      'localhost.:8787',
    ])('%s', async (host) => {
      for (const path of PATHS) {
        const response = await server.fetch(path, { headers: { Host: host } })
        expect(response.status, path).toBe(421)
      }
    })

    it('but for what tells nothing', async () => {
      expect((await server.fetch('http://127.0.0.1:8787/health')).status).toBe(200)
    })
  })

  it('forwarding headers change neither the issuer nor a link', async () => {
    const headers = {
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Prefix': '/evil',
      'X-Original-Host': 'evil.example',
      Forwarded: 'host=evil.example;proto=https',
    }
    const plain = await (await server.fetch('/.well-known/oauth-authorization-server')).text()
    const forwarded = await server.fetch('/.well-known/oauth-authorization-server', { headers })
    expect(await forwarded.text()).toBe(plain)
    expect(JSON.parse(plain)).toMatchObject({ issuer: ISSUER })
    const page = await server.fetch('/sign-in', { headers })
    expect(await page.text()).not.toContain('evil')
  })

  it('a mail has the issuer in its links, whatever the request said (host header injection)', async () => {
    const browser = createBrowser(server)
    const page = await browser.open('/password-reset')
    const fields = Object.fromEntries(page.form('/password-reset').fields)
    await browser.post(
      '/password-reset',
      { ...fields, email: OWNER.email },
      { 'X-Forwarded-Host': 'evil.example' },
    )
    await expect.poll(() => server.mails.length).toBeGreaterThan(0)
    expect(server.mails.at(-1)?.text).toContain(`${ISSUER}/password-reset/new?token=`)
    expect(server.mails.at(-1)?.text).not.toContain('evil')
  })

  it.each([
    '/sign-in',
    '/account',
    '/authorize',
    '/consent',
    '/logout',
    '/setup',
    '/api/servers',
    '/passkeys/authentication/options',
  ])('what carries the session cookie answers no other origin: %s', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' }
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      const response = await server.fetch(path, { method, headers })
      expect(response.headers.get('Access-Control-Allow-Origin'), method).toBeNull()
      expect(response.headers.get('Access-Control-Allow-Credentials'), method).toBeNull()
    }
  })

  it.each(['/token', '/register', '/revoke', '/introspect', '/userinfo', '/.well-known/jwks.json'])(
    'what a browser client needs answers every origin, and never with credentials: %s',
    async (path) => {
      const headers = { Origin: 'https://inspector.example', 'Access-Control-Request-Method': 'POST' }
      const response = await server.fetch(path, { method: 'OPTIONS', headers })
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(response.headers.get('Access-Control-Allow-Credentials')).toBeNull()
    },
  )
})
