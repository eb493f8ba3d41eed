import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, invite, isSignedIn, postJson } from '../support/attacker.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  registerClient,
  registerServer,
  requestToken,
} from '../support/flow.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

/** A page of the management API, whatever it lists. */
type Listed = Record<string, Record<string, string>[]>

describe('OWASP API1 and API5: reaching for other people’s things', () => {
  let server: TestServer
  let mcp: RegisteredServer
  let guest: typeof OWNER

  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
    guest = await invite(server, 'guest@example.com')
  })
  afterAll(() => server.close())

  function fieldOf(page: Page, action: string, name: string): string {
    const value = page.form(action).fields.get(name)
    if (value === null) throw new Error(`There is no ${name}.`)
    return value
  }
  const csrfOf = async (browser: Browser) => fieldOf(await browser.open('/account'), '/logout', 'csrf')

  it('an authorization of somebody else is not revoked by its id, and nothing tells that it exists', async () => {
    const victim = createBrowser(server)
    const granted = await grant(server, { browser: victim })
    const id = fieldOf(await victim.open('/account'), '/account/authorizations/revoke', 'id')
    const { browser } = await createSignedInBrowser(server, guest)
    const csrf = await csrfOf(browser)
    const foreign = await browser.post('/account/authorizations/revoke', { csrf, id })
    const missing = await browser.post('/account/authorizations/revoke', {
      csrf,
      id: 'aut_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    })
    expect([foreign.status, foreign.url]).toEqual([missing.status, missing.url])
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
    await victim.post('/account/authorizations/revoke', { csrf: await csrfOf(victim), id })
    expect(await introspect(server, mcp.key, granted.tokens.access_token)).toEqual({ active: false })
  })

  it('a session of somebody else is not ended by its id', async () => {
    const { browser: first } = await createSignedInBrowser(server)
    const { browser: second } = await createSignedInBrowser(server)
    const page = await second.open('/account')
    const ids = page.html
      .querySelectorAll('form[action$="/account/sessions/revoke"] input[name="id"]')
      .map((input) => input.getAttribute('value') ?? '')
    expect(ids.length).toBeGreaterThan(0)
    const { browser: attacker } = await createSignedInBrowser(server, guest)
    for (const id of ids)
      await attacker.post('/account/sessions/revoke', { csrf: await csrfOf(attacker), id })
    expect(await isSignedIn(first)).toBe(true)
    for (const id of ids) await second.post('/account/sessions/revoke', { csrf: await csrfOf(second), id })
    expect(await isSignedIn(first)).toBe(false)
  })

  it('a session id on the account page is not what is in the cookie', async () => {
    const { browser, account } = await createSignedInBrowser(server)
    for (const cookie of browser.cookies.values()) expect(account.html.toString()).not.toContain(cookie)
  })

  it('a consent page of somebody else is not answered by its request id', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce())
    const { browser: victim } = await createSignedInBrowser(server)
    const page = await victim.open(url)
    const request = fieldOf(page, '/consent', 'request')
    for (const person of [guest, OWNER]) {
      const { browser } = await createSignedInBrowser(server, person)
      const answer = await browser.post('/consent', {
        csrf: await csrfOf(browser),
        request,
        decision: 'approve',
        scope: 'files:read',
      })
      expect([answer.status, answer.leftTo]).toEqual([400, undefined])
    }
    expect((await victim.submit(page, { decision: 'approve' }, '/consent')).leftTo).toBeDefined()
  })

  it('the request id of one client does not answer for another', async () => {
    const { browser } = await createSignedInBrowser(server)
    const honest = await browser.open(
      authorizeUrl(await registerClient(server), createPkce(), { state: 'honest' }),
    )
    const evil = await browser.open(
      authorizeUrl(await registerClient(server, { client_name: 'Evil' }), createPkce(), { state: 'evil' }),
    )
    const { leftTo } = await browser.submit(evil, {
      decision: 'approve',
      client_id: 'x',
      state: 'honest',
      redirect_uri: 'https://attacker.example/',
    })
    expect(leftTo?.searchParams.get('state')).toBe('evil')
    expect(leftTo?.host).toBe('127.0.0.1:33418')
    const other = await browser.submit(honest, { decision: 'approve' }, '/consent')
    expect(other.leftTo?.searchParams.get('state')).toBe('honest')
  })

  it('a member, and nobody who is not signed in, manages anything', async () => {
    const { browser } = await createSignedInBrowser(server, guest)
    const csrf = await csrfOf(browser)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const { browser: owner } = await createSignedInBrowser(server)
    const ownerCookie = [...owner.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    expect((await server.fetch('/api/servers', { headers: { Cookie: ownerCookie } })).status).toBe(200)
    for (const path of [
      '/servers',
      '/clients',
      '/members',
      '/invitations',
      '/organization',
      `/servers/${mcp.server_id}/keys`,
    ]) {
      const asMember = await server.fetch(`/api${path}`, {
        headers: { Cookie: cookie, 'X-CSRF-Token': csrf },
      })
      expect([path, asMember.status]).toEqual([path, 403])
      expect([path, (await server.fetch(`/api${path}`)).status]).toEqual([path, 401])
    }
    const made = await postJson(
      server,
      '/api/invitations',
      { email: 'x@example.com', role: 'owner' },
      { Cookie: cookie, 'X-CSRF-Token': csrf, Origin: ISSUER },
    )
    expect(made.status).toBe(403)
  })

  it('a member gets no token for the management API', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce(), {
      resource: `${ISSUER}/api`,
      scope: 'manage',
    })
    const { browser } = await createSignedInBrowser(server, guest)
    const page = await browser.open(url)
    expect(page.html.querySelector('form[action$="/consent"]')).toBeNull()
    expect(page.leftTo?.searchParams.has('code') ?? false).toBe(false)
  })

  it('an administrator makes no owner, removes none, and cannot promote himself', async () => {
    const admin = await invite(server, 'admin@example.com', 'admin')
    const parameters = { resource: `${ISSUER}/api`, scope: 'manage' }
    const { tokens } = await grant(server, { person: admin, browser: createBrowser(server), parameters })
    const asAdmin = (method: string, path: string, body?: object) =>
      server.fetch(`/api${path}`, {
        method,
        headers: { Authorization: `Bearer ${tokens.access_token}`, 'Content-Type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      })
    const { members } = (await (await asAdmin('GET', '/members')).json()) as Listed
    const idOf = (email: string) => members?.find((member) => member['email'] === email)?.['user_id']
    expect((await asAdmin('PATCH', `/members/${idOf(admin.email)}`, { role: 'owner' })).status).toBe(403)
    expect((await asAdmin('PATCH', `/members/${idOf(guest.email)}`, { role: 'owner' })).status).toBe(403)
    expect((await asAdmin('PATCH', `/members/${idOf(OWNER.email)}`, { role: 'member' })).status).toBe(403)
    expect((await asAdmin('DELETE', `/members/${idOf(OWNER.email)}`)).status).toBe(403)
    expect(
      (await asAdmin('POST', '/invitations', { email: 'accomplice@example.com', role: 'owner' })).status,
    ).toBe(403)
    expect(
      (await asAdmin('POST', '/invitations', { email: 'accomplice@example.com', role: 'member' })).status,
    ).toBe(201)
  })

  it('who was removed manages nothing any more, with the token or the session that he has', async () => {
    const admin = await invite(server, 'former@example.com', 'admin')
    const browser = createBrowser(server)
    const parameters = { resource: `${ISSUER}/api`, scope: 'manage' }
    const { tokens, clientId } = await grant(server, { person: admin, browser, parameters })
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const ask = (headers: Record<string, string>) => server.fetch('/api/servers', { headers })
    const bearer = { Authorization: `Bearer ${tokens.access_token}` }
    expect([(await ask(bearer)).status, (await ask({ Cookie: cookie })).status]).toEqual([200, 200])
    const { members } = await server.manage<Listed>('GET', '/members')
    const id = members?.find((member) => member['email'] === admin.email)?.['user_id']
    await server.manage('PATCH', `/members/${id}`, { role: 'member' })
    for (const headers of [bearer, { Cookie: cookie }])
      expect([401, 403]).toContain((await ask(headers)).status)
    await server.manage('DELETE', `/members/${id}`)
    for (const headers of [bearer, { Cookie: cookie }])
      expect([401, 403]).toContain((await ask(headers)).status)
    const refreshed = await requestToken(server, {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: tokens.refresh_token,
    })
    expect(refreshed.status).toBeGreaterThanOrEqual(400)
  })

  it('a person who may not use a server is told so before any consent, and gets nothing by prompt=none', async () => {
    const url = 'https://private.example/mcp'
    await registerServer(server, {
      server_url: url,
      server_name: 'Private',
      access: { emails: [OWNER.email], domains: [] },
    })
    const { browser } = await createSignedInBrowser(server, guest)
    const id = await registerClient(server)
    const page = await browser.open(authorizeUrl(id, createPkce(), { resource: url }))
    expect([page.status, page.html.querySelector('form[action$="/consent"]')]).toEqual([403, null])
    const silent = await browser.open(authorizeUrl(id, createPkce(), { resource: url, prompt: 'none' }))
    expect(silent.leftTo?.searchParams.get('error')).toBe('access_denied')
    await grant(server, { parameters: { resource: url } })
  })

  it('an address that only ends like an allowed one is not let in', async () => {
    const url = 'https://domain.example/mcp'
    await registerServer(server, {
      server_url: url,
      server_name: 'Domain',
      access: { emails: [], domains: ['example.com'] },
    })
    const id = await registerClient(server)
    for (const [email, isIn] of [
      ['friend@example.com', true],
      ['foe@evilexample.com', false],
      ['foe@example.com.evil.org', false],
      ['foe@sub.example.com', false],
    ] as const) {
      const { browser } = await createSignedInBrowser(server, await invite(server, email))
      const page = await browser.open(authorizeUrl(id, createPkce(), { resource: url }))
      expect([email, page.html.querySelector('form[action$="/consent"]') !== null]).toEqual([email, isIn])
    }
  })
})
