import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { type RealProvider, startOidcProvider } from '../support/oidc_provider.ts'
import { ISSUER, type TestServer } from '../support/server.ts'
import { startTestWorker, type TestWorker } from './workerd.ts'

const CLIENT = { client_id: 'auth-agent', client_secret: 'a-secret_of.the+upstream/provider' }

let provider: RealProvider
let worker: TestWorker

beforeAll(async () => {
  provider = await startOidcProvider()
  provider.register({ ...CLIENT, redirect_uris: [`${ISSUER}/sign-in/upstream/callback`] })
  worker = await startTestWorker({
    vars: {
      UPSTREAM_ISSUER: provider.issuer,
      UPSTREAM_CLIENT_ID: CLIENT.client_id,
      UPSTREAM_NAME: 'Acme',
      UPSTREAM_EMAIL_DOMAINS: 'acme.example',
      SIGN_UP: 'acme.example',
      ALLOW_LOOPBACK_FETCH: 'true',
    },
    secrets: { UPSTREAM_CLIENT_SECRET: CLIENT.client_secret },
  })
})
afterAll(async () => {
  await worker?.close()
  await provider?.close()
})

/** The provider as a browser sees it. */
function asServer({ issuer }: RealProvider): TestServer {
  const server: Pick<TestServer, 'issuer' | 'fetch'> = {
    issuer,
    fetch: (path, init) => fetch(new URL(path, issuer), { redirect: 'manual', ...init }),
  }
  return server as TestServer
}

it('signs in by an upstream provider in workerd, one request after another', async () => {
  for (const name of ['ada', 'grace']) {
    const [here, there] = [createBrowser(worker as unknown as TestServer), createBrowser(asServer(provider))]
    const { leftTo } = await here.submit(await here.open('/sign-in'), {}, '/sign-in/upstream')
    const asked = await there.open(leftTo?.href ?? '')
    const consent = await there.submit(asked, { login: name, password: 'whatever' })
    const back = await there.submit(consent, {})
    const account = await here.open(back.leftTo?.href ?? '')
    expect([account.status, account.text()]).toEqual([200, expect.stringContaining(`${name}@acme.example`)])
  }
})
