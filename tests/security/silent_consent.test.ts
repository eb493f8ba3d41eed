import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSignedInBrowser, exchange, invite, WEB_REDIRECT_URI } from '../support/attacker.ts'
import type { Browser, Page } from '../support/browser.ts'
import { authorizeUrl, createPkce, MCP_URL, registerClient, registerServer } from '../support/flow.ts'
import { decodeJwt } from '../support/forged_jwt.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const LOOPBACK = 'http://127.0.0.1:33418/callback'
const APP = 'com.example.app:/callback'

describe('RFC 8252 §8.6 and MCP "Confused deputy": a remembered consent in the hands of an impostor', () => {
  let server: TestServer
  let browser: Browser
  beforeEach(async () => {
    server = await createTestServer()
    await registerServer(server)
    browser = (await createSignedInBrowser(server)).browser
  })
  afterEach(() => server.close())

  const ask = (id: string, parameters = {}) =>
    browser.open(authorizeUrl(id, createPkce(), { redirect_uri: WEB_REDIRECT_URI, ...parameters }))
  const approve = (page: Page) => browser.submit(page, { decision: 'approve' }, '/consent')
  const isAsked = (page: Page) => page.html.querySelector('form[action$="/consent"]') !== null
  const errorOf = (page: Page) => page.leftTo?.searchParams.get('error')

  it('control: a client on the web that was approved is let in without asking', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(id))
    expect((await ask(id)).leftTo?.searchParams.has('code')).toBe(true)
    expect((await ask(id, { prompt: 'none' })).leftTo?.searchParams.has('code')).toBe(true)
  })

  it.each([LOOPBACK, APP])(
    'a public client at %s is asked about every time, and never gets in by prompt=none',
    async (uri) => {
      const id = await registerClient(server, { redirect_uris: [uri] })
      const redirect = { redirect_uri: uri }
      expect((await approve(await ask(id, redirect))).leftTo?.searchParams.has('code')).toBe(true)
      expect(isAsked(await ask(id, redirect))).toBe(true)
      const silent = await ask(id, { ...redirect, prompt: 'none' })
      expect(silent.leftTo?.searchParams.has('code') ?? false).toBe(false)
      expect(errorOf(silent)).toBe('consent_required')
    },
  )

  it.each([LOOPBACK, APP])(
    'a client on the web that also lists %s is asked about there, by this request’s redirect',
    async (uri) => {
      const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI, uri] })
      await approve(await ask(id))
      expect((await ask(id)).leftTo?.searchParams.has('code')).toBe(true)
      expect(isAsked(await ask(id, { redirect_uri: uri }))).toBe(true)
    },
  )

  it('a consent for one origin of a client is none for its other origin', async () => {
    const other = 'https://other.example/callback'
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI, other] })
    await approve(await ask(id))
    expect(isAsked(await ask(id, { redirect_uri: other }))).toBe(true)
  })

  it('a client that registers with the name and the redirect of an approved one, and more, is asked about', async () => {
    const honest = await registerClient(server, { client_name: 'App', redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(honest))
    const evil = await registerClient(server, {
      client_name: 'App',
      redirect_uris: [WEB_REDIRECT_URI, 'https://attacker.example/callback'],
    })
    expect(isAsked(await ask(evil, { redirect_uri: 'https://attacker.example/callback' }))).toBe(true)
    expect(isAsked(await ask(evil))).toBe(true)
  })

  it('more scopes, another server, prompt=consent, and another person are asked about', async () => {
    await registerServer(server, { server_url: 'https://other.example/mcp', server_name: 'Other' })
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(id, { scope: 'files:read' }))
    expect((await ask(id, { scope: 'files:read' })).leftTo).toBeDefined()
    for (const more of [
      { scope: 'files:read files:write' },
      { scope: 'files:write' },
      { scope: 'openid files:read' },
      { scope: 'files:read', resource: 'https://other.example/mcp' },
      { scope: 'files:read', prompt: 'consent' },
    ]) {
      expect([JSON.stringify(more), isAsked(await ask(id, more))]).toEqual([JSON.stringify(more), true])
    }
    const guest = await invite(server, 'guest@example.com')
    browser = (await createSignedInBrowser(server, guest)).browser
    expect(isAsked(await ask(id, { scope: 'files:read' }))).toBe(true)
  })

  it('a remembered consent grants what this request asks, not what was ever approved (scope inflation)', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(id, { scope: 'files:read files:write' }))
    const pkce = createPkce()
    const parameters = { redirect_uri: WEB_REDIRECT_URI, scope: 'files:read' }
    const { leftTo } = await browser.open(authorizeUrl(id, pkce, parameters))
    const code = leftTo?.searchParams.get('code') ?? ''
    const { body } = await exchange(server, { clientId: id, code, pkce })
    expect(decodeJwt(body.access_token).payload).toMatchObject({ scope: 'files:read', aud: MCP_URL })
  })

  it('a denial is not remembered as an approval', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await browser.submit(await ask(id), { decision: 'deny' }, '/consent')
    expect(isAsked(await ask(id))).toBe(true)
    expect(errorOf(await ask(id, { prompt: 'none' })) ?? 'a page').not.toBe('code')
  })

  it('a consent that was revoked is asked for again', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(id))
    await browser.submit(await browser.open('/account'), {}, '/account/authorizations/revoke')
    expect(isAsked(await ask(id))).toBe(true)
  })

  it('a server that wants to see more of the person is asked about', async () => {
    const { servers } = await server.manage<{ servers: { server_id: string }[] }>('GET', '/servers')
    await server.manage('PATCH', `/servers/${servers[0]?.server_id}`, { identity: [] })
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    await approve(await ask(id))
    expect((await ask(id)).leftTo).toBeDefined()
    await server.manage('PATCH', `/servers/${servers[0]?.server_id}`, { identity: ['email'] })
    expect(isAsked(await ask(id))).toBe(true)
  })

  it('a confidential client on loopback is remembered, since an impostor lacks its secret (control)', async () => {
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      redirect_uris: [LOOPBACK],
    })
    await approve(await ask(client_id, { redirect_uri: LOOPBACK }))
    expect((await ask(client_id, { redirect_uri: LOOPBACK })).leftTo?.searchParams.has('code')).toBe(true)
  })
})
