import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSignedIn } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { createUpstreamTest, type UpstreamTest } from '../support/upstream.ts'

describe('sign-in by an upstream provider', () => {
  let test: UpstreamTest
  beforeAll(async () => {
    test = await createUpstreamTest({ signUp: 'open' })
  })
  afterAll(() => test.server.close())

  it('signs in a new person', async () => {
    const browser = createBrowser(test.server)
    const page = await test.signIn(browser)
    expect(page.url).toMatch(/\/account$/)
    expect(page.text()).toContain('ada@acme.example')
    expect(await isSignedIn(browser)).toBe(true)
  })
})
