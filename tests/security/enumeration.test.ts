import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { type CountingDatabase, countStatements } from '../support/counting_database.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

/** An answer without what differs between any two: tokens of forms, numbers of requests. */
function normal(page: Page, email: string): string {
  return page.html
    .toString()
    .replaceAll(email, 'EMAIL')
    .replace(/[\w-]{43}/g, 'TOKEN')
    .replace(/req_\w+/g, 'REQUEST')
}

describe('enumeration of accounts, by answer and by work (OWASP Authentication Cheat Sheet; decisions.md, "Sign-in")', () => {
  let server: TestServer
  let counting: CountingDatabase
  const derivations = vi.spyOn(globalThis.crypto.subtle, 'deriveBits')

  beforeAll(async () => {
    const database = await createTestDatabase()
    counting = countStatements(database.database)
    server = await createTestServer({ database: counting.database }, { database })
  })
  afterEach(() => derivations.mockClear())
  afterAll(() => server.close())

  const NOBODY = 'nobody@example.com'

  async function observe(email: string, act: (browser: Browser) => Promise<Page>) {
    const browser = createBrowser(server)
    counting.take()
    derivations.mockClear()
    const page = await act(browser)
    const work = { statements: counting.take(), derivations: derivations.mock.calls.length }
    return { status: page.status, body: normal(page, email), headers: [...page.headers.keys()], work }
  }

  it('a wrong password of somebody, and any password of nobody', async () => {
    const attempt = (email: string) =>
      observe(email, async (browser) =>
        browser.submit(await browser.open('/sign-in'), { email, password: 'not the right one' }, '/sign-in'),
      )
    const [somebody, nobody] = [await attempt(OWNER.email), await attempt(NOBODY)]
    expect(nobody).toEqual(somebody)
    expect(nobody.work.derivations).toBeGreaterThan(0)
  })

  it('a code by e-mail', async () => {
    const attempt = (email: string) =>
      observe(email, async (browser) =>
        browser.submit(
          await browser.open('/sign-in'),
          { email, method: 'email_code', password: undefined },
          '/sign-in',
        ),
      )
    const [somebody, nobody] = [await attempt(OWNER.email), await attempt(NOBODY)]
    expect({ ...nobody, work: 0 }).toEqual({ ...somebody, work: 0 })
    // What comes after the answer, in the background, is not waited for.
    const awaited = ({ statements }: typeof nobody.work) =>
      statements.slice(0, statements.indexOf('email_codes_store') + 1)
    expect(awaited(nobody.work)).toEqual(awaited(somebody.work))
    expect(awaited(nobody.work).length).toBeGreaterThan(0)
  })

  it('a wrong code', async () => {
    const attempt = (email: string) =>
      observe(email, async (browser) => {
        const page = await browser.submit(
          await browser.open('/sign-in'),
          { email, method: 'email_code' },
          '/sign-in',
        )
        return browser.submit(page, { code: 'AAAAAAAA' }, '/sign-in/code')
      })
    const [somebody, nobody] = [await attempt(OWNER.email), await attempt(NOBODY)]
    expect({ ...nobody, work: 0 }).toEqual({ ...somebody, work: 0 })
  })

  it('a link for a new password', async () => {
    const attempt = (email: string) =>
      observe(email, async (browser) => browser.submit(await browser.open('/password-reset'), { email }))
    const [somebody, nobody] = [await attempt(OWNER.email), await attempt(NOBODY)]
    expect({ ...nobody, work: 0 }).toEqual({ ...somebody, work: 0 })
  })

  it('mail that cannot be sent', async () => {
    const failing = await createTestServer({
      mailer: { send: () => Promise.reject(new Error('No mail today.')) },
    })
    const attempt = async (email: string) => {
      const browser = createBrowser(failing)
      const page = await browser.submit(await browser.open('/password-reset'), { email })
      return [page.status, normal(page, email)]
    }
    expect(await attempt(OWNER.email)).toEqual(await attempt(NOBODY))
    await failing.close()
  })

  it('and nobody got any mail', async () => {
    await vi.waitUntil(() => server.mails.length > 0)
    expect(server.mails.map(({ to }) => to).filter((to) => to !== OWNER.email)).toEqual([])
  })
})
