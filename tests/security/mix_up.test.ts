import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSignedInBrowser, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import {
  authorize,
  authorizeUrl,
  createPkce,
  registerClient,
  registerServer,
  signIn,
} from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

describe('RFC 9207 and RFC 9700 §4.4: mix-up', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  /** The fields of a form that posts itself to a client. */
  function formPostOf(page: Page): { action: string; fields: URLSearchParams } {
    const form = page.html
      .querySelectorAll('form')
      .find((one) => one.getAttribute('action')?.includes('33418'))
    if (form === undefined) throw new Error(`There is no form for the client: ${page.text()}`)
    const { action, fields } = page.form('/callback')
    return { action, fields }
  }

  it('a code comes with exactly one iss, the issuer byte for byte (RFC 9207 §2.4)', async () => {
    const sentTo = await authorize(server, authorizeUrl(clientId, createPkce()))
    expect(sentTo.searchParams.getAll('iss')).toEqual([ISSUER])
    const metadata = await (await server.fetch('/.well-known/oauth-authorization-server')).json()
    expect(metadata).toMatchObject({ issuer: ISSUER, authorization_response_iss_parameter_supported: true })
  })

  it.each([
    ['invalid_request', { code_challenge: undefined }],
    ['unsupported_response_type', { response_type: 'token' }],
    ['invalid_scope', { scope: 'nothing:here' }],
    ['invalid_target', { resource: 'https://unknown.example/mcp' }],
    ['login_required', { prompt: 'none' }],
    ['request_not_supported', { request: 'e30.e30.' }],
  ])('the error %s comes with iss and state', async (error, parameters) => {
    const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), parameters))
    expect(page.leftTo?.searchParams.get('error')).toBe(error)
    expect(page.leftTo?.searchParams.getAll('iss')).toEqual([ISSUER])
    expect(page.leftTo?.searchParams.get('state')).toBe('a-state')
    expect(page.leftTo?.searchParams.has('code')).toBe(false)
  })

  it('a denial comes with iss', async () => {
    const browser = createBrowser(server)
    const page = await signIn(browser, await browser.open(authorizeUrl(clientId, createPkce())))
    const { leftTo } = await browser.submit(page, { decision: 'deny' }, '/consent')
    expect(leftTo?.searchParams.get('error')).toBe('access_denied')
    expect(leftTo?.searchParams.getAll('iss')).toEqual([ISSUER])
  })

  it('a code by form_post comes with iss', async () => {
    const browser = createBrowser(server)
    const url = authorizeUrl(clientId, createPkce(), { response_mode: 'form_post' })
    const page = await signIn(browser, await browser.open(url))
    const { fields } = formPostOf(await browser.submit(page, { decision: 'approve' }, '/consent'))
    expect(fields.get('code')).toMatch(/^[\w-]{43}$/)
    expect(fields.getAll('iss')).toEqual([ISSUER])
  })

  it('an error and a denial by form_post come with iss', async () => {
    const { browser } = await createSignedInBrowser(server)
    const mode = { response_mode: 'form_post' }
    const failed = await browser.open(
      authorizeUrl(clientId, createPkce(), { ...mode, scope: 'nothing:here' }),
    )
    expect(formPostOf(failed).fields.getAll('iss')).toEqual([ISSUER])
    const asked = await browser.open(authorizeUrl(clientId, createPkce(), mode))
    const denied = formPostOf(await browser.submit(asked, { decision: 'deny' }, '/consent'))
    expect(denied.fields.getAll('iss')).toEqual([ISSUER])
    expect(denied.fields.get('error')).toBe('access_denied')
  })

  it('a redirect_uri that has an iss of its own does not stand in for ours', async () => {
    const uri = 'http://127.0.0.1:33418/callback?iss=https%3A%2F%2Fhonest.example'
    const id = await registerClient(server, { redirect_uris: [uri] })
    const page = await createBrowser(server).open(
      authorizeUrl(id, createPkce(), { redirect_uri: uri, prompt: 'none' }),
    )
    // Either it cannot be registered, or our own iss is there as well, so that a client sees that something is wrong.
    expect(page.leftTo?.searchParams.getAll('iss')).toContain(ISSUER)
  })

  it('an iss in the request changes nothing', async () => {
    const sentTo = await authorize(
      server,
      authorizeUrl(clientId, createPkce(), { iss: 'https://evil.example' }),
    )
    expect(sentTo.searchParams.getAll('iss')).toEqual([ISSUER])
  })

  it('the fragment is never used to answer (OAuth 2.1 §10.1: no implicit grant)', async () => {
    for (const parameters of [
      { response_mode: 'fragment' },
      { response_type: 'token' },
      { response_type: 'id_token' },
      { response_type: 'code id_token' },
      { response_type: 'code token' },
    ]) {
      const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), parameters))
      expect(page.leftTo?.hash).toBe('')
      expect(page.leftTo?.searchParams.get('error')).toMatch(/invalid_request|unsupported_response_type/)
    }
  })

  it('the link on an error page for a client that nobody vouches for carries iss', async () => {
    const id = await registerClient(server, { redirect_uris: [WEB_REDIRECT_URI] })
    const page = await createBrowser(server).open(
      authorizeUrl(id, createPkce(), { redirect_uri: WEB_REDIRECT_URI, scope: 'nothing:here' }),
    )
    expect(page.leftTo).toBeUndefined()
    const link = page.html
      .querySelectorAll('a')
      .find((a) => a.getAttribute('href')?.startsWith(WEB_REDIRECT_URI))
    expect(new URL(link?.getAttribute('href') ?? '').searchParams.getAll('iss')).toEqual([ISSUER])
  })
})
