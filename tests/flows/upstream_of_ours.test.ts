import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FetchPublicUrl } from '../../server/src/clients/public_fetch.ts'
import { createBrowser } from '../support/browser.ts'
import { signIn } from '../support/flow.ts'
import { registerClientByApi } from '../support/registered_client.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const ISSUER = 'https://files.example'

/** The one that people have accounts at, and the one that sends them there. */
let login: TestServer
let files: TestServer

beforeAll(async () => {
  login = await createTestServer({ issuer: 'https://login.example' })
  const { client_id, client_secret } = await registerClientByApi(login, {
    redirect_uris: [`${ISSUER}/sign-in/upstream/callback`],
    token_endpoint_auth_method: 'client_secret_basic',
  })
  const upstream = {
    issuer: login.issuer,
    clientId: client_id,
    clientSecret: client_secret,
    name: 'Login',
    emailDomains: ['example.com'],
  }
  const owner = { email: 'someone@elsewhere.example', password: OWNER.password }
  const options = {
    issuer: ISSUER,
    upstream,
    fetchPublicUrl: fetchFrom(login),
    signUp: 'open',
    owner,
  } as const
  files = await createTestServer(options)
})
afterAll(async () => {
  await files.close()
  await login.close()
})

function fetchFrom(server: TestServer): FetchPublicUrl {
  return async (url, _limits, request) => {
    const { method = 'GET', headers = {}, body = null } = request ?? {}
    const response = await server.fetch(url.href, { method, headers: { ...headers }, body })
    const contentType = response.headers.get('Content-Type') ?? ''
    return { status: response.status, body: await response.bytes(), contentType, cacheControl: '' }
  }
}

it('one server of ours signs people in for another', async () => {
  const [here, there] = [createBrowser(files), createBrowser(login)]
  const { leftTo } = await here.submit(await here.open('/sign-in'), {}, '/sign-in/upstream')
  const consent = await signIn(there, await there.open(leftTo?.href ?? ''))
  expect(consent.text()).toContain('files.example')
  const back = await there.submit(consent, { decision: 'approve' }, '/consent')
  const account = await here.open(back.leftTo?.href ?? '')
  expect([account.url, account.text()]).toEqual([`${ISSUER}/account`, expect.stringContaining(OWNER.email)])
})

it('who is asked anew there, because an app here wants it, is asked', async () => {
  const [here, there] = [createBrowser(files), createBrowser(login)]
  await signIn(there, await there.open('/sign-in'))
  const returnTo = encodeURIComponent('/account')
  const page = await here.open(`/sign-in?switch=1&fresh=1&return_to=${returnTo}`)
  const { leftTo } = await here.submit(page, {}, '/sign-in/upstream')
  login.clock.advance(60)
  files.clock.advance(60)
  const asked = await there.open(leftTo?.href ?? '')
  expect(asked.html.querySelector('form[action$="/sign-in"]')).toBeTruthy()
  const known = await signIn(there, asked)
  const sentTo = known.leftTo ?? (await there.submit(known, { decision: 'approve' }, '/consent')).leftTo
  expect((await here.open(sentTo?.href ?? '')).url).toBe(`${ISSUER}/account`)
})

it('who says no there is told so here', async () => {
  const [here, there] = [createBrowser(files), createBrowser(login)]
  const page = await here.open('/sign-in?switch=1')
  const { leftTo } = await here.submit(page, {}, '/sign-in/upstream')
  const consent = await signIn(
    there,
    await there.open(leftTo?.href.replace('select_account', 'consent') ?? ''),
  )
  const back = await there.submit(consent, { decision: 'deny' }, '/consent')
  const refused = await here.open(back.leftTo?.href ?? '')
  expect([refused.status, refused.text()]).toEqual([
    401,
    expect.stringContaining('You did not sign in at Login'),
  ])
})
