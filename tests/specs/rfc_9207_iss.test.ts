import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorize, authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'
import { getJson, sentTo, signedIn } from './requests.ts'

describe('RFC 9207, iss in the authorization response', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  it('§2 a successful response', async () => {
    const { searchParams } = await authorize(server, authorizeUrl(clientId, createPkce()))
    expect(searchParams.getAll('iss')).toEqual([ISSUER])
  })

  it('§2.1 an error before anybody has signed in', async () => {
    const { searchParams } = await sentTo(server, authorizeUrl(clientId, createPkce(), { scope: 'moon' }))
    expect(searchParams.get('error')).toBe('invalid_scope')
    expect(searchParams.getAll('iss')).toEqual([ISSUER])
  })

  it('§2.1 an error by the person’s decision', async () => {
    const browser = await signedIn(server)
    const page = await browser.open(authorizeUrl(clientId, createPkce()))
    const { leftTo } = await browser.submit(page, { decision: 'deny' }, '/consent')
    expect(leftTo?.searchParams.get('error')).toBe('access_denied')
    expect(leftTo?.searchParams.getAll('iss')).toEqual([ISSUER])
  })

  it('§2 with form_post it is a field of the form', async () => {
    const page = await createBrowser(server).open(
      authorizeUrl(clientId, createPkce(), { scope: 'moon', response_mode: 'form_post' }),
    )
    expect(page.form().fields.getAll('iss')).toEqual([ISSUER])
    expect(page.form().fields.get('error')).toBe('invalid_scope')
  })

  it('§2.3 and §2.4 the metadata announces it, and iss equals its issuer by simple string comparison', async () => {
    const { body } = await getJson(server, '/.well-known/oauth-authorization-server')
    expect(body['authorization_response_iss_parameter_supported']).toBe(true)
    const { searchParams } = await authorize(server, authorizeUrl(clientId, createPkce()))
    expect(searchParams.get('iss')).toBe(body['issuer'])
  })

  it('§2 the issuer has its path, and no slash is added', async () => {
    const tenant = await createTestServer({ issuer: 'https://auth.example.com/tenant1' })
    await registerServer(tenant)
    const { body } = await getJson(tenant, '/tenant1/.well-known/openid-configuration')
    const response = await tenant.fetch(String(body['registration_endpoint']), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        redirect_uris: ['http://127.0.0.1:33418/callback'],
        token_endpoint_auth_method: 'none',
      }),
    })
    const { client_id } = (await response.json()) as { client_id: string }
    const sent = await authorize(tenant, `/tenant1${authorizeUrl(client_id, createPkce())}`)
    await tenant.close()
    expect(sent.searchParams.get('iss')).toBe('https://auth.example.com/tenant1')
  })
})
