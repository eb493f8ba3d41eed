import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSignedInBrowser, invite, isSignedIn, waitFor, waitForNothing } from '../support/attacker.ts'
import { type Browser, createBrowser } from '../support/browser.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('OWASP "Account lockout" and API4: limits that cannot be turned against the owner, or evaded', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await createTestServer()
  })
  afterEach(() => server.close())

  async function guess(browser: Browser, email: string, password: string): Promise<number> {
    const page = await browser.open('/sign-in?switch=1')
    return (await browser.submit(page, { email, password }, '/sign-in')).status
  }

  async function lock(email = OWNER.email): Promise<void> {
    for (let round = 0; round < 11; round += 1) {
      await guess(createBrowser(server, `192.0.2.${round}`), email, `wrong ${round}`)
    }
    expect(await guess(createBrowser(server, '192.0.2.200'), email, 'wrong')).toBe(429)
  }

  it('the owner of an account that is attacked gets in again once the attacker pauses', async () => {
    await lock()
    server.clock.advance(901)
    const browser = createBrowser(server, '203.0.113.1')
    await guess(browser, OWNER.email, OWNER.password)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('refused guesses do not lengthen the wait', async () => {
    await lock()
    server.clock.advance(600)
    for (let round = 0; round < 30; round += 1) {
      await guess(createBrowser(server, `192.0.2.${round}`), OWNER.email, `wrong ${round}`)
    }
    server.clock.advance(301)
    const browser = createBrowser(server, '203.0.113.1')
    await guess(browser, OWNER.email, OWNER.password)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('an attacked account can still get a code by e-mail', async () => {
    await lock()
    const browser = createBrowser(server, '203.0.113.1')
    const page = await browser.open('/sign-in')
    const asked = await browser.submit(page, { email: OWNER.email, method: 'email_code' }, '/sign-in')
    await waitFor(() => server.mails.length > 0)
    const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(server.mails.at(-1)?.text ?? '')?.[0] ?? ''
    await browser.submit(asked, { code }, '/sign-in/code')
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('an account whose mail is used up by strangers is not locked out of its password', async () => {
    for (let round = 0; round < 10; round += 1) {
      const browser = createBrowser(server, `192.0.2.${round}`)
      await browser.submit(await browser.open('/password-reset'), { email: OWNER.email }, '/password-reset')
    }
    const { browser } = await createSignedInBrowser(server, OWNER, '203.0.113.1')
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('sessions that are there go on while an account is attacked', async () => {
    const { browser } = await createSignedInBrowser(server)
    await lock()
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('somebody else’s wrong guesses do not use up what another account has', async () => {
    const guest = await invite(server, 'guest@example.com')
    await lock()
    const browser = createBrowser(server, '203.0.113.1')
    await guess(browser, guest.email, guest.password)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('an attacker who signs in as himself in between does not begin anew', async () => {
    const guest = await invite(server, 'guest@example.com')
    const browser = createBrowser(server, '192.0.2.1')
    const statuses: number[] = []
    for (let round = 0; round < 15; round += 1) {
      await guess(browser, guest.email, guest.password)
      statuses.push(await guess(browser, OWNER.email, `wrong ${round}`))
    }
    expect(statuses.slice(10)).toEqual(Array(5).fill(429))
  })

  it('a browser that is known to one account has no budget of its own at another', async () => {
    const guest = await invite(server, 'guest@example.com')
    await lock()
    const browser = createBrowser(server, '192.0.2.77')
    await guess(browser, guest.email, guest.password)
    expect(browser.cookies.has('known')).toBe(true)
    expect(await guess(browser, OWNER.email, OWNER.password)).toBe(429)
  })

  it('a made-up cookie of a known browser is worth nothing, and guesses of a known browser are counted', async () => {
    await lock()
    const forger = createBrowser(server, '192.0.2.88')
    await forger.open('/sign-in')
    forger.cookies.set('known', 'A'.repeat(43))
    expect(await guess(forger, OWNER.email, OWNER.password)).toBe(429)
    server.clock.advance(901)
    const { browser } = await createSignedInBrowser(server)
    const statuses: number[] = []
    for (let round = 0; round < 15; round += 1)
      statuses.push(await guess(browser, OWNER.email, `wrong ${round}`))
    expect(statuses.at(-1)).toBe(429)
  })

  it('a known cookie without the browser that it was given to is worth nothing (theft of one cookie)', async () => {
    const { browser: own } = await createSignedInBrowser(server)
    await lock()
    const thief = createBrowser(server, '192.0.2.99')
    await thief.open('/sign-in')
    thief.cookies.set('known', own.cookies.get('known') ?? '')
    expect(await guess(thief, OWNER.email, OWNER.password)).toBe(429)
  })

  it.each([
    (email: string, round: number) => (round % 2 === 0 ? email.toUpperCase() : email),
    (email: string, round: number) => `${' '.repeat(round)}${email}${' '.repeat(round)}`,
    (email: string, round: number) =>
      [...email].map((char, index) => (index === round ? char.toUpperCase() : char)).join(''),
    (email: string, round: number) => `${email}${'\t'.repeat(round)}`,
  ])('other spellings of one address (%#) share one budget', async (spell) => {
    const statuses: number[] = []
    for (let round = 0; round < 14; round += 1) {
      const browser = createBrowser(server, `198.51.100.${round}`)
      statuses.push(await guess(browser, spell(OWNER.email, round), `wrong ${round}`))
    }
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10)
    expect(await guess(createBrowser(server, '198.51.100.250'), OWNER.email, 'wrong')).toBe(429)
  })

  it('an address in IPv6 clothes, and other hosts of one /64, share one budget', async () => {
    const statuses: number[] = []
    for (let round = 0; round < 60; round += 1) {
      const address = round % 2 === 0 ? '203.0.113.9' : '::ffff:203.0.113.9'
      statuses.push(await guess(createBrowser(server, address), `person${round}@example.com`, 'x'))
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(50)
  })

  it('guesses at the same moment are counted one by one (race)', async () => {
    const browsers = Array.from({ length: 30 }, (_, index) => createBrowser(server, `198.51.100.${index}`))
    const statuses = await Promise.all(
      browsers.map((browser, index) => guess(browser, OWNER.email, `wrong ${index}`)),
    )
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(10)
  })

  it('a restart, or another node, does not give new guesses', async () => {
    await lock()
    const node = await server.addNode()
    const browser = createBrowser(node, '203.0.113.55')
    const page = await browser.open('/sign-in')
    expect((await browser.submit(page, { ...OWNER }, '/sign-in')).status).toBe(429)
  })

  it('a right password does not give back what wrong ones used up', async () => {
    for (let round = 0; round < 9; round += 1) {
      await guess(createBrowser(server, `192.0.2.${round}`), OWNER.email, `wrong ${round}`)
    }
    await createSignedInBrowser(server, OWNER, '203.0.113.1')
    const statuses: number[] = []
    for (let round = 0; round < 5; round += 1) {
      statuses.push(
        await guess(createBrowser(server, `192.0.2.${100 + round}`), OWNER.email, `wrong ${round}`),
      )
    }
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(1)
  })

  it('a code is asked for again and again without one that was sent before staying good for more tries', async () => {
    const browser = createBrowser(server)
    const ask = async () =>
      browser.submit(await browser.open('/sign-in'), { email: OWNER.email, method: 'email_code' }, '/sign-in')
    const first = await ask()
    await waitFor(() => server.mails.length > 0)
    const code = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(server.mails[0]?.text ?? '')?.[0] ?? ''
    await ask()
    await waitForNothing()
    await browser.submit(first, { code }, '/sign-in/code')
    expect(await isSignedIn(browser)).toBe(false)
  })
})
