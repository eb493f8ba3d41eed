import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  grant,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { asksForConsent, createClient, postForm, postJson, signedIn } from './requests.ts'

describe('RFC 8252, native apps', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  describe('§7.3 the port of a loopback redirect may vary', () => {
    const accepted: [string, string][] = [
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004/callback'],
      ['http://127.0.0.1:33418/callback', 'http://127.0.0.1:1/callback'],
      ['http://127.0.0.1:33418/callback', 'http://127.0.0.1/callback'],
      ['http://[::1]/callback', 'http://[::1]:61023/callback'],
      ['http://localhost/callback', 'http://localhost:51004/callback'],
      ['http://localhost:3000/callback', 'http://localhost:65535/callback'],
      ['http://127.0.0.1/callback?a=b', 'http://127.0.0.1:8080/callback?a=b'],
      ['http://127.0.0.1', 'http://127.0.0.1:8080'],
    ]
    it.each(accepted)('registered %s, asked for %s', async (registered, redirect_uri) => {
      const id = await registerClient(server, { redirect_uris: [registered] })
      const sent = await authorize(server, authorizeUrl(id, createPkce(), { redirect_uri }))
      expect(sent.searchParams.get('code')).not.toBeNull()
      expect(sent.href.startsWith(new URL(redirect_uri).href)).toBe(true)
    })

    const refused: [string, string][] = [
      ['http://127.0.0.1/callback', 'http://localhost:51004/callback'],
      ['http://localhost/callback', 'http://127.0.0.1:51004/callback'],
      ['http://127.0.0.1/callback', 'http://[::1]:51004/callback'],
      ['http://127.0.0.1/callback', 'http://127.0.0.2:51004/callback'],
      ['http://127.0.0.1/callback', 'https://127.0.0.1:51004/callback'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004/other'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004/callback/'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004/callback?a=b'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004/callback#x'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:51004@attacker.example/callback'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1.attacker.example:51004/callback'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:99999/callback'],
      ['http://127.0.0.1/callback', 'http://127.0.0.1:/callback/../callback'],
      ['http://127.0.0.1/callback', 'http://2130706433:51004/callback'],
      ['http://localhost/callback', 'http://localhost.:51004/callback'],
      ['http://localhost/callback', 'http://sub.localhost:51004/callback'],
      ['https://client.example.com/callback', 'https://client.example.com:8443/callback'],
      ['https://client.example.com/callback', 'https://CLIENT.example.com/callback2'],
    ]
    it.each(refused)('registered %s, refused %s', async (registered, redirect_uri) => {
      const id = await registerClient(server, { redirect_uris: [registered] })
      const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri }))
      expect(page).toMatchObject({ status: 400, leftTo: undefined })
    })

    it('the token endpoint compares redirect_uri with the one that was asked for, port and all', async () => {
      const id = await registerClient(server, { redirect_uris: ['http://127.0.0.1/callback'] })
      const pkce = createPkce()
      const redirect_uri = 'http://127.0.0.1:51004/callback'
      const sent = await authorize(server, authorizeUrl(id, pkce, { redirect_uri }))
      const code = sent.searchParams.get('code') ?? ''
      const request = { grant_type: 'authorization_code', client_id: id, code, code_verifier: pkce.verifier }
      expect((await postForm(server, '/token', { ...request, redirect_uri })).status).toBe(200)
    })
  })

  describe('§7.1 private-use schemes', () => {
    it.each([
      'com.example.app:/oauth2redirect',
      'com.example.app://callback',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'vscode://vscode.github-authentication/did-authenticate',
    ])('%s is registered and gets the code', async (uri) => {
      const id = await registerClient(server, { redirect_uris: [uri], application_type: 'native' })
      const sent = await authorize(server, authorizeUrl(id, createPkce(), { redirect_uri: uri }))
      expect(sent.href.startsWith(`${uri}?`)).toBe(true)
      expect(sent.searchParams.get('code')).not.toBeNull()
    })

    it.each([
      'app:/callback',
      'mailto:a@example.com',
      'tel:1',
      'view-source:https://x.example',
      'ws://x.example/',
    ])('%s is refused', async (uri) => {
      const { status, body } = await postJson(server, '/register', {
        redirect_uris: [uri],
        token_endpoint_auth_method: 'none',
      })
      expect(status).toBe(400)
      expect(body['error']).toBe('invalid_redirect_uri')
    })

    it('compared as a string: another path is refused', async () => {
      const id = await registerClient(server, { redirect_uris: ['com.example.app:/callback'] })
      for (const redirect_uri of [
        'com.example.app:/other',
        'com.example.app:/callback?x',
        'COM.example.app:/x',
      ]) {
        const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), { redirect_uri }))
        expect(page).toMatchObject({ status: 400, leftTo: undefined })
      }
    })
  })

  describe('§8.6 a client that cannot prove who it is is always shown to the person', () => {
    it.each([
      'http://127.0.0.1:33418/callback',
      'http://localhost:33418/callback',
      'http://[::1]:33418/callback',
      'com.example.app:/callback',
    ])('a public client at %s asks again after an approval', async (redirect_uri) => {
      const clientId = await registerClient(server, { redirect_uris: [redirect_uri] })
      const browser = await signedIn(server)
      const parameters = { redirect_uri }
      await grant(server, { clientId, browser, parameters })
      const again = await browser.open(authorizeUrl(clientId, createPkce(), parameters))
      expect(asksForConsent(again)).toBe(true)
      const silent = await browser.open(
        authorizeUrl(clientId, createPkce(), { ...parameters, prompt: 'none' }),
      )
      expect(silent.leftTo?.searchParams.get('error')).toMatch(/^(consent|interaction)_required$/)
    })

    it('a pre-registered public client on loopback too', async () => {
      const { client_id } = await createClient(server, {
        redirect_uris: ['http://127.0.0.1/callback'],
        token_endpoint_auth_method: 'none',
      })
      const browser = await signedIn(server)
      const parameters = { redirect_uri: 'http://127.0.0.1:5000/callback' }
      await grant(server, { clientId: client_id, browser, parameters })
      expect(asksForConsent(await browser.open(authorizeUrl(client_id, createPkce(), parameters)))).toBe(true)
    })
  })

  it('§8.4 a client with loopback redirects alone is marked on the consent page', async () => {
    const browser = await signedIn(server)
    const id = await registerClient(server, { redirect_uris: ['http://localhost/callback'] })
    const parameters = { redirect_uri: 'http://localhost:5555/callback' }
    const page = await browser.open(authorizeUrl(id, createPkce(), parameters))
    expect(page.text()).toContain('localhost:5555')
    expect(page.text()).toMatch(/this computer/i)
  })
})
