import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, createBrowser } from '../support/browser.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { createSupabaseAuth, SUPABASE_CLIENT, SUPABASE_ISSUER } from '../support/supabase_auth.ts'

let server: TestServer
let supabase: Awaited<ReturnType<typeof createSupabaseAuth>>
beforeAll(async () => {
  supabase = await createSupabaseAuth(() => server.clock.now)
  server = await createTestServer({
    upstream: {
      issuer: SUPABASE_ISSUER,
      clientId: SUPABASE_CLIENT.id,
      clientSecret: SUPABASE_CLIENT.secret,
      name: 'Acme',
      emailDomains: 'all',
    },
    fetchUpstream: supabase.fetch,
    signUp: 'open',
  })
})
afterAll(() => server.close())

async function signIn(browser: Browser) {
  const { leftTo } = await browser.submit(await browser.open('/sign-in'), {}, '/sign-in/upstream')
  return browser.open(supabase.allow(leftTo as URL).href)
}

it('signs in whoever is a confirmed user of a Supabase project', async () => {
  const page = await signIn(createBrowser(server))
  expect([page.url, page.text()]).toEqual([
    expect.stringMatching(/\/account$/),
    expect.stringContaining(supabase.user.email),
  ])
})

it('and nobody who has not confirmed his address', async () => {
  Object.assign(supabase.user, { id: randomUUID(), email: 'eve@acme.example', isConfirmed: false })
  const page = await signIn(createBrowser(server))
  expect([page.status, page.text()]).toEqual([403, expect.stringContaining('has not verified the address')])
})
