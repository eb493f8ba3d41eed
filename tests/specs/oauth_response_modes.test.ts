import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, REDIRECT_URI, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { createClient, errorIn, postForm, sentTo, signedIn, WEB_REDIRECT_URI } from './requests.ts'

describe('OAuth 2.0 Multiple Response Types and Form Post Response Mode', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  it('query is the default of code, and may be named', async () => {
    const browser = await signedIn(server)
    const page = await browser.open(authorizeUrl(clientId, createPkce(), { response_mode: 'query' }))
    const { leftTo } = await browser.submit(page, { decision: 'approve' }, '/consent')
    expect(leftTo?.searchParams.get('code')).toEqual(expect.any(String))
    expect(leftTo?.hash).toBe('')
  })

  it.each(['fragment', 'jwt', 'web_message', 'nonsense'])('%s is invalid_request', async (response_mode) => {
    const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), { response_mode }))
    const error = page.leftTo ? errorIn(page.leftTo) : page.text()
    expect(error).toContain('invalid_request')
  })

  it('response_mode given twice is invalid_request', async () => {
    const url = authorizeUrl(clientId, createPkce(), { response_mode: ['query', 'query'] })
    expect(errorIn(await sentTo(server, url))).toBe('invalid_request')
  })

  describe('form_post', () => {
    async function approve() {
      const pkce = createPkce()
      const browser = await signedIn(server)
      const state = 'a "state" <&>'
      const page = await browser.open(authorizeUrl(clientId, pkce, { response_mode: 'form_post', state }))
      return { pkce, answer: await browser.submit(page, { decision: 'approve' }, '/consent') }
    }

    it('§2 the parameters are hidden fields of a form to the redirect URI, sent by POST', async () => {
      const { answer } = await approve()
      expect(answer.leftTo).toBeUndefined()
      expect(answer.status).toBe(200)
      const form = answer.html.querySelector('form')
      expect(form?.getAttribute('method')?.toLowerCase()).toBe('post')
      expect(form?.getAttribute('action')).toBe(REDIRECT_URI)
      const { fields } = answer.form()
      expect([...fields.keys()].sort()).toEqual(['code', 'iss', 'state'])
      expect(fields.get('state')).toBe('a "state" <&>')
      expect(fields.get('iss')).toBe(ISSUER)
      for (const input of answer.html.querySelectorAll('form input')) {
        expect(input.getAttribute('type')).toBe('hidden')
      }
    })

    it('the code is good', async () => {
      const { answer, pkce } = await approve()
      const { status } = await postForm(server, '/token', {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: answer.form().fields.get('code') ?? '',
        code_verifier: pkce.verifier,
      })
      expect(status).toBe(200)
    })

    it('§4 the page is not cached, and a browser without scripts has a button', async () => {
      const { answer } = await approve()
      expect(answer.headers.get('Cache-Control')).toContain('no-store')
      expect(answer.html.querySelector('form button, form input[type="submit"]')).not.toBeNull()
      expect(answer.headers.get('Referrer-Policy')).toMatch(/^(no-referrer|origin|strict-origin)$/)
    })

    it('its Content-Security-Policy lets the form reach the redirect, and no one frames it', async () => {
      const { answer } = await approve()
      const policy = answer.headers.get('Content-Security-Policy') ?? ''
      const formAction = /form-action ([^;]*)/.exec(policy)?.[1]
      if (formAction !== undefined) expect(formAction).toContain(new URL(REDIRECT_URI).origin)
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain("'unsafe-inline'")
    })

    it('errors go the same way', async () => {
      const browser = await signedIn(server)
      const page = await browser.open(authorizeUrl(clientId, createPkce(), { response_mode: 'form_post' }))
      const answer = await browser.submit(page, { decision: 'deny' }, '/consent')
      expect(answer.form().action).toBe(REDIRECT_URI)
      expect(answer.form().fields.get('error')).toBe('access_denied')
      expect(answer.form().fields.get('state')).toBe('a-state')
    })

    it('a silent answer goes the same way', async () => {
      const { client_id } = await createClient(server)
      const parameters = { redirect_uri: WEB_REDIRECT_URI, response_mode: 'form_post', prompt: 'none' }
      const page = await createBrowser(server).open(authorizeUrl(client_id, createPkce(), parameters))
      expect(page.form().action).toBe(WEB_REDIRECT_URI)
      expect(page.form().fields.get('error')).toBe('login_required')
    })

    it('an untrusted redirect gets no form that sends itself: RFC 9700 §4.11.2', async () => {
      const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
      const parameters = { redirect_uri: WEB_REDIRECT_URI, response_mode: 'form_post', scope: 'moon' }
      const page = await createBrowser(server).open(authorizeUrl(id, createPkce(), parameters))
      expect(page.text()).toContain('invalid_scope')
      expect(page.html.querySelectorAll('script')).toHaveLength(0)
    })
  })
})
