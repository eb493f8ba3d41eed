import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, registerClient, registerServer, signIn } from '../support/flow.ts'
import { createTestServer, ISSUER, type TestServer } from '../support/server.ts'

describe('access tokens for the management API', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  it('are issued when its resource is named, and work there', async () => {
    const { tokens } = await grant(server, { parameters: { resource: `${ISSUER}/api`, scope: 'manage' } })
    expect(tokens).toMatchObject({ scope: 'manage' })
    const response = await server.fetch('/api/servers', {
      headers: { Authorization: `Bearer ${tokens.access_token}` },
    })
    expect(response.status).toBe(200)
  })

  it('are never meant by a request that names no resource', async () => {
    const url = authorizeUrl(await registerClient(server), createPkce(), {
      resource: undefined,
      scope: 'manage',
    })
    const browser = createBrowser(server)
    const page = await signIn(browser, await browser.open('/sign-in'))
    expect(page.status).toBe(200)
    expect((await browser.open(url)).leftTo?.searchParams.get('error')).toMatch(/invalid_(target|scope)/)
  })
})
