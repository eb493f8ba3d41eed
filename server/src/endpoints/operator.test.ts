import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../../../tests/support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../../../tests/support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../../../tests/support/server.ts'

describe('pages on which people trust this server with something', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  /** The titles of the pages for sign-in, a code, consent and the account. */
  async function titles(): Promise<(string | undefined)[]> {
    const clientId = await registerClient(server, { client_name: crypto.randomUUID() })
    const url = authorizeUrl(clientId, createPkce())
    const browser = createBrowser(server)
    const signIn = await browser.open(url)
    const code = await browser.submit(signIn, { email: OWNER.email, method: 'email_code' })
    const consent = await browser.submit(await browser.open(url), { ...OWNER, method: 'password' })
    const account = await browser.open('/account')
    return [signIn, code, consent, account].map(({ html }) => html.querySelector('title')?.text)
  }

  it('say who runs it, by the name of its organisation', async () => {
    expect(await titles()).toEqual([
      'Sign in · Auth-Agent',
      'Enter your code · Auth-Agent',
      'Allow access? · Auth-Agent',
      'Your account · Auth-Agent',
    ])
    await server.manage('PATCH', '/organization', { name: 'Acme' })
    expect(await titles()).toEqual([
      'Sign in · Acme',
      'Enter your code · Acme',
      'Allow access? · Acme',
      'Your account · Acme',
    ])
  })
})
