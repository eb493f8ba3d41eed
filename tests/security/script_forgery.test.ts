import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { grant, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

/** How a foreign page sends JSON: what a form can send, and what `fetch` with `no-cors` can (Fetch §2.2.2). */
const CROSS_SITE: readonly Record<string, string>[] = [
  { 'Content-Type': 'text/plain', Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
  { 'Content-Type': 'text/plain', Origin: 'null' },
  { 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'https://evil.example' },
  { 'Content-Type': 'multipart/form-data; boundary=x', Origin: 'https://evil.example' },
  { 'Content-Type': 'application/json', Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
  { 'Content-Type': 'application/json', Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
  { 'Content-Type': 'application/json', Origin: `${ISSUER}.evil.example` },
  { 'Content-Type': 'application/json', Origin: ISSUER, 'Sec-Fetch-Site': 'same-site' },
]

describe('OWASP CSRF: what our scripts call, and what changes an account', () => {
  let server: TestServer
  let cookie: string
  let csrf: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    const { browser, account } = await createSignedInBrowser(server)
    cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    csrf = account.form('/logout').fields.get('csrf') ?? ''
  })
  afterAll(() => server.close())

  function send(path: string, headers: Record<string, string>, body: unknown = {}, method = 'POST') {
    const init = { method, headers: { Cookie: cookie, ...headers }, body: JSON.stringify(body) }
    return server.fetch(path, init)
  }
  const own = () => ({ 'Content-Type': 'application/json', Origin: ISSUER, 'X-CSRF-Token': csrf })
  const PASSKEYS = ['/passkeys/registration/options', '/passkeys/authentication/options']

  it.each(PASSKEYS)('control: our own script reaches %s', async (path) => {
    expect((await send(path, own())).status).toBe(200)
  })

  it.each([...PASSKEYS, '/passkeys/registration', '/passkeys/authentication'])(
    '%s is closed to other sites, so that nobody plants a passkey',
    async (path) => {
      for (const headers of CROSS_SITE) {
        for (const token of [{}, { 'X-CSRF-Token': csrf }, { 'X-CSRF-Token': 'A'.repeat(43) }]) {
          const response = await send(path, { ...headers, ...token })
          expect([JSON.stringify({ ...headers, ...token }), response.status]).toEqual([
            expect.any(String),
            403,
          ])
          expect(await response.text()).not.toContain('challenge')
        }
      }
      expect((await send(path, { ...own(), 'X-CSRF-Token': 'A'.repeat(43) })).status).toBe(403)
      expect((await send(path, { 'Content-Type': 'application/json', Origin: ISSUER })).status).toBe(403)
    },
  )

  it('the management API by session is closed to other sites', async () => {
    const body = { email: 'accomplice@example.com', role: 'owner' }
    const invitations = async () => {
      const { invitations } = await server.manage<{ invitations: unknown[] }>('GET', '/invitations')
      return invitations.length
    }
    const before = await invitations()
    for (const headers of CROSS_SITE) {
      for (const token of [{}, { 'X-CSRF-Token': csrf }]) {
        const response = await send('/api/invitations', { ...headers, ...token }, body)
        expect([400, 403, 415]).toContain(response.status)
      }
    }
    expect((await send('/api/invitations', { 'Content-Type': 'application/json' }, body)).status).toBe(403)
    expect(await invitations()).toBe(before)
    expect((await send('/api/invitations', own(), body)).status).toBe(201)
  })

  it.each(['DELETE', 'PATCH', 'PUT'])(
    'a foreign %s with the session’s cookie changes nothing',
    async (method) => {
      const { servers } = await server.manage<{ servers: { server_id: string }[] }>('GET', '/servers')
      const path = `/api/servers/${servers[0]?.server_id}`
      for (const headers of CROSS_SITE) {
        expect((await send(path, headers, {}, method)).status).toBeGreaterThanOrEqual(400)
      }
      expect(
        (await send(path, { 'Content-Type': 'application/json' }, {}, method)).status,
      ).toBeGreaterThanOrEqual(400)
      expect(await server.manage('GET', path.slice('/api'.length))).toMatchObject({ server_name: 'Files' })
    },
  )

  it('a method override does not turn a GET, which needs no token, into a change', async () => {
    const { servers } = await server.manage<{ servers: { server_id: string }[] }>('GET', '/servers')
    const path = `/api/servers/${servers[0]?.server_id}`
    for (const header of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      await server.fetch(path, { headers: { Cookie: cookie, [header]: 'DELETE' } })
      await server.fetch(`${path}?_method=DELETE`, { headers: { Cookie: cookie } })
    }
    expect(await server.manage('GET', path.slice('/api'.length))).toMatchObject({ server_name: 'Files' })
  })

  it('nothing on the account page changes by GET', async () => {
    const browser = createBrowser(server)
    await grant(server, { browser })
    const account = await browser.open('/account')
    for (const form of account.html.querySelectorAll('form')) {
      expect(form.getAttribute('method')).toBe('post')
      const action = form.getAttribute('action') ?? ''
      const fields = account.form(action).fields
      await browser.open(`${action}?${fields}`)
    }
    const after = await browser.open('/account')
    expect(after.status).toBe(200)
    expect(after.html.querySelectorAll('form[action$="/account/authorizations/revoke"]').length).toBe(
      account.html.querySelectorAll('form[action$="/account/authorizations/revoke"]').length,
    )
  })

  it.each([
    '/account/authorizations/revoke',
    '/account/sessions/revoke',
    '/account/passkeys/remove',
    '/account/identities/remove',
    '/account/password',
  ])('POST %s from another site is refused, even with the right token', async (path) => {
    for (const headers of CROSS_SITE) {
      const response = await server.fetch(path, {
        method: 'POST',
        headers: { Cookie: cookie, ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ csrf, id: 'x', current_password: 'x', new_password: 'x' }),
      })
      expect(response.status).toBe(403)
    }
  })

  it('the token of one’s own form is no use with the cookies of a victim (cookie tossing)', async () => {
    const { account } = await createSignedInBrowser(server)
    const foreign = account.form('/logout').fields.get('csrf') ?? ''
    expect(foreign).not.toBe(csrf)
    expect((await send(PASSKEYS[0] ?? '', { ...own(), 'X-CSRF-Token': foreign })).status).toBe(403)
  })
})
