import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestContext, ISSUER, type TestContext } from '../../../tests/support/context.ts'
import {
  createAccount,
  createSignedInBrowser,
  createTestBrowser,
  type TestBrowser,
} from '../../../tests/support/people.ts'
import { clientDigest } from '../clients/client.ts'
import { registerDynamicClient } from '../clients/dynamic.ts'
import { signIdToken } from '../tokens/id_token.ts'

const BYE = 'https://app.example/bye'

let test_: TestContext
let registered: string
let dynamic: string
let person: { id: string; email: string }
beforeAll(async () => {
  test_ = await createTestContext()
  const { context } = test_
  const dynamicClient = registerDynamicClient(context.purposeKeys, {
    redirect_uris: ['https://app.example/callback'],
    post_logout_redirect_uris: [BYE],
  })
  dynamic = dynamicClient.clientId
  registered = 'app_registered'
  const row = {
    digest: clientDigest(registered),
    client_id: registered,
    organization_id: 'org_root',
    source: 'registered' as const,
    metadata: { ...dynamicClient.metadata, post_logout_redirect_uris: [BYE, `${BYE}?from=us`] },
    secret_digest: null,
  }
  await context.storage.storeClient(row, new Date(test_.clock.now))
  person = await createAccount(context, 'ann@example.com')
})
afterAll(() => test_.close())

function hintOf(sub: string, clientId: string): Promise<string> {
  const authTime = new Date(test_.clock.now)
  return signIdToken(test_.context, { sub, clientId, alg: 'RS256', authTime, accessToken: 'x' })
}

function logoutPath(parameters: Record<string, string>): string {
  return `/logout?${new URLSearchParams(parameters)}`
}

async function isSignedIn(browser: TestBrowser): Promise<boolean> {
  return (await browser.get('/account')).status === 200
}

test('a bare GET asks, and the form on its page signs out', async () => {
  const browser = await createSignedInBrowser(test_.context, person.email)
  const asked = await browser.get('/logout')
  expect(asked.status).toBe(200)
  expect(asked.text).toContain('Sign out?')
  expect(await isSignedIn(browser)).toBe(true)
  await browser.get('/logout')
  const answer = await browser.post('/logout', {})
  expect(answer.text).toContain('You are signed out')
  expect(browser.cookies.has('__Host-session')).toBe(false)
  expect(await isSignedIn(browser)).toBe(false)
})

test('an id_token of this session signs out at once, and leads back with the state', async () => {
  for (const client_id of [registered, dynamic]) {
    const browser = await createSignedInBrowser(test_.context, person.email)
    const id_token_hint = await hintOf(person.id, client_id)
    const answer = await browser.get(
      logoutPath({ id_token_hint, post_logout_redirect_uri: BYE, state: 'a&b=c d' }),
    )
    expect(answer.location).toBe(`${BYE}?state=a%26b%3Dc+d`)
    expect(await isSignedIn(browser)).toBe(false)
  }
})

test('an id_token that has expired is good enough', async () => {
  const id_token_hint = await hintOf(person.id, registered)
  test_.clock.advance(86_400_000)
  const browser = await createSignedInBrowser(test_.context, person.email)
  expect((await browser.get(logoutPath({ id_token_hint }))).text).toContain('You are signed out')
})

test("somebody else's id_token, a forged one and an access token sign nobody out", async () => {
  const other = await createAccount(test_.context, `other${Math.random()}@example.com`)
  const browser = await createSignedInBrowser(test_.context, person.email)
  const good = await hintOf(person.id, registered)
  const [header = '', payload = ''] = good.split('.')
  for (const id_token_hint of [
    await hintOf(other.id, registered),
    `${good.slice(0, -4)}AAAA`,
    `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${payload}.`,
    `${header}.${payload}`,
    'x',
  ]) {
    expect((await browser.get(logoutPath({ id_token_hint }))).text).toContain('Sign out?')
  }
  expect(await isSignedIn(browser)).toBe(true)
})

test('an address that the client did not register, byte for byte, is no place to go to (open redirect)', async () => {
  const browser = await createSignedInBrowser(test_.context, person.email)
  const id_token_hint = await hintOf(person.id, registered)
  for (const post_logout_redirect_uri of [
    'https://evil.example/',
    `${BYE}/`,
    `${BYE}?x=1`,
    `${BYE}#x`,
    'https://APP.example/bye',
    'https://app.example/bye@evil.example',
    'https://app.example/callback',
    '//evil.example',
    'javascript:alert(1)',
  ]) {
    const answer = await browser.get(logoutPath({ id_token_hint, post_logout_redirect_uri }))
    expect(answer.status, post_logout_redirect_uri).toBe(400)
    expect(answer.location).toBeNull()
  }
  expect(await isSignedIn(browser)).toBe(true)
})

test('a query that the client registered stays, and the state is added', async () => {
  const browser = await createSignedInBrowser(test_.context, person.email)
  const id_token_hint = await hintOf(person.id, registered)
  const parameters = { id_token_hint, post_logout_redirect_uri: `${BYE}?from=us`, state: 's' }
  expect((await browser.get(logoutPath(parameters))).location).toBe(`${BYE}?from=us&state=s`)
})

test('no client, an unknown one, and one that is not that of the id_token', async () => {
  const browser = await createSignedInBrowser(test_.context, person.email)
  const post_logout_redirect_uri = BYE
  const id_token_hint = await hintOf(person.id, registered)
  for (const parameters of [
    { post_logout_redirect_uri },
    { post_logout_redirect_uri, client_id: 'unknown' },
    { post_logout_redirect_uri, client_id: 'dcr_forged.forged' },
    { post_logout_redirect_uri, id_token_hint, client_id: dynamic },
  ]) {
    expect((await browser.get(logoutPath(parameters))).status, JSON.stringify(parameters)).toBe(400)
  }
})

test('after a confirmation only a client that somebody vouches for is followed', async () => {
  for (const [client_id, location] of [
    [registered, `${BYE}?state=s`],
    [dynamic, null],
  ] as const) {
    const browser = await createSignedInBrowser(test_.context, person.email)
    const parameters = { client_id, post_logout_redirect_uri: BYE, state: 's' }
    const asked = await browser.get(logoutPath(parameters))
    expect(asked.text).toContain('Sign out?')
    const policy = asked.headers.get('Content-Security-Policy')
    expect(policy).toContain(location ? "form-action 'self' https://app.example" : "form-action 'self';")
    expect((await browser.post('/logout', parameters)).location).toBe(location)
    expect(await isSignedIn(browser)).toBe(false)
  }
})

test("a stranger's own client and id_token lead nobody away from here (open redirect)", async () => {
  const mallory = await createAccount(test_.context, `mallory${Math.random()}@example.com`)
  const id_token_hint = await hintOf(mallory.id, dynamic)
  const path = logoutPath({ id_token_hint, post_logout_redirect_uri: BYE })
  const signedOut = await createTestBrowser(test_.context).get(path)
  expect([signedOut.status, signedOut.location]).toEqual([200, null])

  const browser = await createSignedInBrowser(test_.context, person.email)
  expect((await browser.get(path)).text).toContain('Sign out?')
  const answer = await browser.post('/logout', { id_token_hint, post_logout_redirect_uri: BYE })
  expect([answer.status, answer.location]).toEqual([200, null])
})

test('whoever is not signed in is told that he is not', async () => {
  const browser = createTestBrowser(test_.context)
  expect((await browser.get('/logout')).text).toContain('You are signed out')
})

test('a POST from a client becomes a GET, which has the cookie', async () => {
  const browser = createTestBrowser(test_.context)
  const answer = await browser.post(
    '/logout',
    { csrf: '', client_id: registered, post_logout_redirect_uri: BYE, state: 's', extra: 'x' },
    { Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' },
  )
  expect(answer.status).toBe(303)
  const to = new URL(answer.location ?? '')
  expect(to.origin + to.pathname).toBe(`${ISSUER}/logout`)
  expect(Object.fromEntries(to.searchParams)).toEqual({
    client_id: registered,
    post_logout_redirect_uri: BYE,
    state: 's',
  })
})

test('a forged form signs nobody out (CSRF)', async () => {
  const browser = await createSignedInBrowser(test_.context, person.email)
  expect((await browser.post('/logout', { csrf: 'forged' })).status).toBe(403)
  expect((await browser.post('/logout', {}, { Origin: 'https://evil.example' })).status).toBe(403)
  expect(await isSignedIn(browser)).toBe(true)
})
