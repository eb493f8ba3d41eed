import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  authorizeUrl,
  createPkce,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'
import { addPerson, asksForConsent, errorIn, signedIn, WEB_REDIRECT_URI } from './requests.ts'

type Person = typeof OWNER

describe('decisions.md "Who may use a server"', () => {
  let server: TestServer
  let clientId: string
  let member: Person
  let outsider: Person
  let serial = 0

  beforeAll(async () => {
    server = await createTestServer()
    clientId = await registerClient(server)
    member = await addPerson(server, 'member@example.com')
    outsider = await addPerson(server, 'outsider@elsewhere.example')
    await removeFromOrganization(outsider.email)
  })
  afterAll(() => server.close())

  async function removeFromOrganization(email: string): Promise<void> {
    const { members } = await server.manage<{ members: { user_id: string; email: string }[] }>(
      'GET',
      '/members',
    )
    const found = members.find((one) => one.email === email)
    await server.manage('DELETE', `/members/${found?.user_id}`)
  }
  const register = (access?: unknown): Promise<RegisteredServer> =>
    registerServer(server, {
      server_url: `https://policy-${++serial}.example.com/mcp`,
      ...(access !== undefined && { access }),
    })
  const setAccess = (mcp: RegisteredServer, access: unknown) =>
    server.manage('PATCH', `/servers/${mcp.server_id}`, { access } as object)
  const grantTo = (mcp: RegisteredServer, person: Person) =>
    grant(server, { clientId, person, parameters: { resource: mcp.server_url } })

  /** What an authorization request gives this person: a question, or an error. */
  async function attempt(mcp: RegisteredServer, person: Person): Promise<string> {
    const browser = await signedIn(server, person)
    const page = await browser.open(authorizeUrl(clientId, createPkce(), { resource: mcp.server_url }))
    if (asksForConsent(page)) return 'asked'
    if (page.leftTo) return errorIn(page.leftTo) ?? 'code'
    return /access_denied/.test(page.text()) || page.status === 403 ? 'access_denied' : page.text()
  }

  describe('at the consent', () => {
    it('the organisation’s members, which is the default', async () => {
      const mcp = await register()
      expect(await attempt(mcp, member)).toBe('asked')
      expect(await attempt(mcp, OWNER)).toBe('asked')
      expect(await attempt(mcp, outsider)).toBe('access_denied')
    })

    it('everyone with an account', async () => {
      const mcp = await register('everyone')
      expect(await attempt(mcp, member)).toBe('asked')
      expect(await attempt(mcp, outsider)).toBe('asked')
    })

    it('listed people', async () => {
      const mcp = await register({ emails: ['outsider@elsewhere.example'], domains: [] })
      expect(await attempt(mcp, outsider)).toBe('asked')
      expect(await attempt(mcp, member)).toBe('access_denied')
    })

    it('listed e-mail domains, and neither those that end alike nor those below', async () => {
      const mcp = await register({ emails: [], domains: ['elsewhere.example'] })
      expect(await attempt(mcp, outsider)).toBe('asked')
      expect(await attempt(mcp, member)).toBe('access_denied')
      const alike = await register({ emails: [], domains: ['where.example'] })
      expect(await attempt(alike, outsider)).toBe('access_denied')
    })
  })

  describe('a change ends what it no longer allows', () => {
    async function expectEnded(mcp: RegisteredServer, granted: Awaited<ReturnType<typeof grantTo>>) {
      const { status, body } = await refresh(server, { clientId }, granted.tokens.refresh_token)
      expect(status).toBe(400)
      expect(body.error).toBe('invalid_grant')
      expect(await introspect(server, mcp.key, granted.tokens.access_token)).toEqual({ active: false })
    }

    it('from everyone to members', async () => {
      const mcp = await register('everyone')
      const granted = await grantTo(mcp, outsider)
      const kept = await grantTo(mcp, member)
      await setAccess(mcp, 'members')
      await expectEnded(mcp, granted)
      expect((await refresh(server, { clientId }, kept.tokens.refresh_token)).status).toBe(200)
      expect((await introspect(server, mcp.key, kept.tokens.access_token))['active']).toBe(true)
    })

    it('a person who is taken off the list', async () => {
      const mcp = await register({ emails: [member.email, outsider.email], domains: [] })
      const granted = await grantTo(mcp, outsider)
      const kept = await grantTo(mcp, member)
      await setAccess(mcp, { emails: [member.email], domains: [] })
      await expectEnded(mcp, granted)
      expect((await refresh(server, { clientId }, kept.tokens.refresh_token)).status).toBe(200)
    })

    it('a domain that is taken off the list', async () => {
      const mcp = await register({ emails: [], domains: ['elsewhere.example'] })
      const granted = await grantTo(mcp, outsider)
      await setAccess(mcp, { emails: [], domains: ['example.com'] })
      await expectEnded(mcp, granted)
    })

    it('a member who is removed', async () => {
      const mcp = await register()
      const leaver = await addPerson(server, 'leaver@example.com')
      const granted = await grantTo(mcp, leaver)
      await removeFromOrganization(leaver.email)
      await expectEnded(mcp, granted)
    })

    it('a code that is exchanged after the change', async () => {
      const mcp = await register('everyone')
      const pkce = createPkce()
      const browser = await signedIn(server, outsider)
      const page = await browser.open(authorizeUrl(clientId, pkce, { resource: mcp.server_url }))
      const { leftTo } = await browser.submit(page, { decision: 'approve' }, '/consent')
      await setAccess(mcp, 'members')
      const response = await server.fetch('/token', {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: clientId,
          code: leftTo?.searchParams.get('code') ?? '',
          code_verifier: pkce.verifier,
        }),
      })
      expect(await response.json()).toMatchObject({
        error: expect.stringMatching(/^(invalid_grant|access_denied)$/),
      })
    })

    it('a consent page that is answered after the change', async () => {
      const mcp = await register('everyone')
      const browser = await signedIn(server, outsider)
      const page = await browser.open(authorizeUrl(clientId, createPkce(), { resource: mcp.server_url }))
      await setAccess(mcp, 'members')
      const answer = await browser.submit(page, { decision: 'approve' }, '/consent')
      expect(answer.leftTo?.searchParams.has('code') ?? false).toBe(false)
    })

    it('who is let in again later authorizes again, and that works (decisions.md, denials)', async () => {
      const mcp = await register('everyone')
      await grantTo(mcp, outsider)
      await setAccess(mcp, 'members')
      server.clock.advance(2)
      await setAccess(mcp, 'everyone')
      const again = await grantTo(mcp, outsider)
      expect((await introspect(server, mcp.key, again.tokens.access_token))['active']).toBe(true)
    })

    it('a new address of the server ends every access to the old one', async () => {
      const mcp = await register('everyone')
      const granted = await grantTo(mcp, member)
      await server.manage('PATCH', `/servers/${mcp.server_id}`, { server_url: `${mcp.server_url}/v2` })
      await expectEnded(mcp, granted)
    })

    it('a scope that the server does not offer any more is not in the next token', async () => {
      const mcp = await register()
      const granted = await grantTo(mcp, member)
      await server.manage('PATCH', `/servers/${mcp.server_id}`, { scopes: ['files:read'] })
      const { status, body } = await refresh(server, { clientId }, granted.tokens.refresh_token)
      if (status === 200) expect(body['scope']).toBe('files:read')
      else expect(body.error).toMatch(/^invalid_(grant|scope)$/)
    })
  })

  it('a remembered consent does not let anybody pass the policy', async () => {
    const mcp = await register('everyone')
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const browser = await signedIn(server, outsider)
    const parameters = { resource: mcp.server_url, redirect_uri: WEB_REDIRECT_URI }
    await grant(server, { clientId: id, browser, person: outsider, parameters })
    await setAccess(mcp, 'members')
    const page = await browser.open(authorizeUrl(id, createPkce(), parameters))
    expect(page.leftTo?.searchParams.has('code') ?? false).toBe(false)
    expect(asksForConsent(page)).toBe(false)
  })

  it('RFC 8707 without a resource, servers that the person may not use do not count as meant', async () => {
    const single = await createTestServer()
    await registerServer(single, { access: { emails: [], domains: ['nobody.example'] } })
    const browser = await signedIn(single)
    const page = await browser.open(
      authorizeUrl(await registerClient(single), createPkce(), { resource: undefined }),
    )
    await single.close()
    expect(asksForConsent(page)).toBe(false)
    const answer = page.leftTo ? errorIn(page.leftTo) : page.text()
    expect(answer).toMatch(/access_denied|invalid_target/)
  })
})
