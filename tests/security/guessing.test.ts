import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('guessing (OWASP API4; decisions.md, "Sign-in")', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
  })
  beforeEach(() => server.clock.advance(7200))
  afterAll(() => server.close())

  /** Mail leaves after the answer, so that an answer's time tells nothing: what a test asked for is waited for. */
  async function codeMailed(before: number): Promise<string> {
    await vi.waitUntil(() => server.mails.length > before)
    return server.mails.at(-1)?.text.match(/[A-Z2-9]{4}-[A-Z2-9]{4}/)?.[0] ?? ''
  }

  async function guess(email: string, password: string, address: string) {
    const browser = createBrowser(server, address)
    return browser.submit(await browser.open('/sign-in'), { email, password }, '/sign-in')
  }

  it('the password of one account, from many addresses, ends after ten', async () => {
    const answers = []
    for (let i = 0; i < 15; i += 1) answers.push(await guess(OWNER.email, `wrong ${i}`, `192.0.2.${i}`))
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), ...Array(5).fill(429)])
    expect(Number(answers.at(-1)?.headers.get('Retry-After'))).toBeGreaterThan(0)
  })

  it('then the right password does not get in either, so that the attacker learns nothing', async () => {
    for (let i = 0; i < 10; i += 1) await guess(OWNER.email, `wrong ${i}`, `192.0.2.${i}`)
    expect((await guess(OWNER.email, OWNER.password, '192.0.2.99')).status).toBe(429)
  })

  it('but locks nobody out of a browser in which they signed in before', async () => {
    const own = createBrowser(server, '198.51.100.1')
    await own.submit(await own.open('/sign-in'), OWNER, '/sign-in')
    await own.submit(await own.open('/account'), {}, '/logout')
    for (let i = 0; i < 12; i += 1) await guess(OWNER.email, `wrong ${i}`, `192.0.2.${i}`)
    expect((await own.submit(await own.open('/sign-in'), OWNER, '/sign-in')).url).toContain('/account')
  })

  it('many accounts from one address ends after fifty', async () => {
    const statuses = []
    for (let i = 0; i < 60; i += 1)
      statuses.push((await guess(`person${i}@example.com`, 'password', '203.0.113.7')).status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(50)
  })

  it('the next address of one IPv6 network is the same network', async () => {
    const statuses = []
    for (let i = 0; i < 60; i += 1) {
      statuses.push(
        (await guess(`person${i}@example.com`, 'password', `2001:db8:1:2::${i.toString(16)}`)).status,
      )
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(50)
  })

  it('the server as a whole, from a botnet, ends after a thousand', async () => {
    const statuses = []
    for (let i = 0; i < 1010; i += 1) {
      statuses.push(
        (await guess(`person${i}@example.com`, 'password', `10.${i % 250}.${Math.floor(i / 250)}.1`)).status,
      )
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(1000)
  })

  it('an X-Forwarded-For that the attacker writes changes nothing: the address is the socket', async () => {
    const browser = createBrowser(server, '203.0.113.8')
    const statuses = []
    for (let i = 0; i < 60; i += 1) {
      const page = await browser.open('/sign-in')
      const fields = {
        ...Object.fromEntries(page.form('/sign-in').fields),
        email: `person${i}@example.com`,
        password: 'p',
      }
      statuses.push((await browser.post('/sign-in', fields, { 'X-Forwarded-For': `198.51.100.${i}` })).status)
    }
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
  })

  it('an e-mail code: five tries, in parallel too', async () => {
    const browser = createBrowser(server)
    const before = server.mails.length
    const page = await browser.submit(
      await browser.open('/sign-in'),
      { email: OWNER.email, method: 'email_code' },
      '/sign-in',
    )
    const form = Object.fromEntries(page.form('/sign-in/code').fields)
    const code = await codeMailed(before)
    expect(code).not.toBe('')
    await Promise.all(
      Array.from({ length: 50 }, () => browser.post('/sign-in/code', { ...form, code: 'AAAAAAAA' })),
    )
    const late = await browser.post('/sign-in/code', { ...form, code })
    expect(late.url).toContain('/sign-in/code')
    expect((await browser.open('/account')).html.querySelector('form[action="/sign-in"]')).toBeTruthy()
  })

  it('an e-mail code that another browser asked for is worth nothing', async () => {
    const own = createBrowser(server)
    const before = server.mails.length
    await own.submit(await own.open('/sign-in'), { email: OWNER.email, method: 'email_code' }, '/sign-in')
    const code = await codeMailed(before)
    const thief = createBrowser(server)
    const page = await thief.submit(
      await thief.open('/sign-in'),
      { email: 'thief@example.com', method: 'email_code' },
      '/sign-in',
    )
    await thief.submit(page, { code, email: OWNER.email }, '/sign-in/code')
    expect((await thief.open('/account')).html.querySelector('form[action="/sign-in"]')).toBeTruthy()
  })

  it('flooding somebody with mail ends after five in an hour', async () => {
    const before = server.mails.length
    for (let i = 0; i < 12; i += 1) {
      const browser = createBrowser(server, `192.0.2.${i}`)
      await browser.submit(
        await browser.open('/sign-in'),
        { email: OWNER.email, method: 'email_code' },
        '/sign-in',
      )
    }
    await vi.waitUntil(() => server.mails.length - before >= 5)
    expect(server.mails.length - before).toBe(5)
  })
})
