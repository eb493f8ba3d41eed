import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { authorizeUrl, createPkce } from '../support/flow.ts'
import { type Loopback, listenOnLoopback } from '../support/loopback.ts'
import { allow, signInAndAllow, signInByPassword } from '../support/person.ts'
import { type RealSetup, startRealSetup } from '../support/real_setup.ts'
import { registerClientByApi } from '../support/registered_client.ts'

let setup: RealSetup
let plain: Loopback

beforeAll(async () => {
  setup = await startRealSetup()
  plain = await listenOnLoopback(() => () => new Response('Plain http.'))
})
afterAll(async () => {
  await plain.close()
  await setup.close()
})

it('the policy lets the answer go to a client on loopback', async () => {
  const { page, problems, finish } = await openConsent(setup.callback.url)
  await allow(page)
  expect(await finish()).toMatchObject({ token_type: 'Bearer' })
  expect(problems).toEqual([])
  await page.context().close()
})

it('the policy lets the answer go to a client on https', async () => {
  const uri = `https://localhost:${plain.port}/callback`
  const { page, problems } = await openConsent(uri)
  const failed = page.waitForEvent('requestfailed', (request) => request.url().startsWith(uri))
  await allow(page)
  const request = await failed
  expect(new URL(request.url()).searchParams.has('code')).toBe(true)
  // There is no TLS behind that port: the browser went there and was answered by something else.
  expect(request.failure()?.errorText).toBe('net::ERR_SSL_PROTOCOL_ERROR')
  expect(problems.filter((problem) => problem.includes('form-action'))).toEqual([])
  await page.context().close()
})

it.each(['cursor://anysphere.cursor-mcp/oauth/callback', 'com.example.desk:/callback'])(
  'the policy lets the answer go to an application: %s',
  async (uri) => {
    const { page, problems } = await openConsent(uri)
    // Where the policy stands in between, it is the form that fails, and nothing is ever asked of the scheme.
    const asked = page.waitForEvent('requestfailed')
    await allow(page)
    const request = await asked
    expect(request.url()).toMatch(`${uri}?code=`)
    // There is no such application on this machine.
    expect(request.failure()?.errorText).toBe('net::ERR_ABORTED')
    expect(problems).toEqual([])
    await page.context().close()
  },
)

it('the policy of the sign-in page lets an answer pass that needs no consent any more', async () => {
  const { client_id } = await registerClientByApi(setup.server, {
    redirect_uris: [setup.callback.url],
    token_endpoint_auth_method: 'client_secret_basic',
  })
  const url =
    setup.server.issuer + authorizeUrl(client_id, createPkce(), { redirect_uri: setup.callback.url })
  const first = await setup.openPage()
  await signInAndAllow(first.page, url)
  await setup.callback.next()
  await first.page.context().close()

  const { page, problems } = await setup.openPage()
  await page.goto(url)
  await signInByPassword(page)
  expect((await setup.callback.next()).searchParams.has('code')).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

it('answers by form_post to another origin', async () => {
  const { problems, page } = await openConsent(setup.callback.url, { response_mode: 'form_post' })
  await allow(page)
  const answer = await setup.callback.nextRequest()
  expect(new URLSearchParams(await answer.text()).has('code')).toBe(true)
  expect(problems).toEqual([])
  await page.context().close()
})

async function openConsent(
  redirect_uri: string,
  parameters: Record<string, string> = {},
): Promise<{ page: Page; problems: string[]; finish(): Promise<object> }> {
  const { page, problems } = await setup.openPage()
  const { url, finish } = await setup.request(
    { redirect_uri, ...parameters },
    { redirect_uris: [redirect_uri] },
  )
  await page.goto(url)
  await signInByPassword(page)
  await page.getByRole('button', { name: 'Allow' }).waitFor()
  return { page, problems, finish }
}
