import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DevelopmentInbox } from '../../server/src/mail.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { createTestServer, ISSUER, OWNER, type TestServer } from '../support/server.ts'

const PASSWORD = 'plum wagon tundra seven'

/** Posts one form many times at once. */
async function race(
  page: Page,
  post: (fields: Record<string, string>) => Promise<Page>,
  fields: Record<string, string>,
) {
  const all = { ...Object.fromEntries(page.form().fields), ...fields }
  return Promise.all(Array.from({ length: 20 }, () => post(all)))
}

describe('links from the terminal, an administrator and the mail', () => {
  let server: TestServer

  afterEach(() => server.close())

  describe('that of the first owner', () => {
    let link: string

    beforeEach(async () => {
      server = await createTestServer({ owner: undefined })
      link = (await server.server.setupLink()) ?? ''
    })

    it('is used by a POST, not by looking at it, and once', async () => {
      const browser = createBrowser(server)
      const page = await browser.open(link)
      expect((await browser.open(link)).status).toBe(200)
      const answers = await race(page, (fields) => browser.post('/setup', fields), {
        email: 'a@example.com',
        password: PASSWORD,
      })
      expect(answers.filter(({ url }) => url.includes('/account'))).toHaveLength(1)
      expect((await createBrowser(server).open(link)).status).toBe(404)
      expect(await server.server.setupLink()).toBeUndefined()
    })

    it('ends after an hour, and where another one made an owner', async () => {
      const second = (await server.server.setupLink()) ?? ''
      const browser = createBrowser(server)
      await browser.submit(await browser.open(second), { email: 'a@example.com', password: PASSWORD })
      expect((await browser.open(link)).status).toBe(404)
      const late = await createTestServer({ owner: undefined })
      const lateLink = (await late.server.setupLink()) ?? ''
      late.clock.advance(3601)
      expect((await createBrowser(late).open(lateLink)).status).toBe(404)
      await late.close()
    })

    it.each([
      [{ email: 'a@example.com', password: 'short' }, /at least 12/],
      [{ email: 'a@example.com', password: 'passwordpassword' }, /first that anybody would try/],
      [{ email: 'nobody', password: PASSWORD }, /e-mail address/],
    ])('refuses %j, and stays good', async (fields, message) => {
      const browser = createBrowser(server)
      const refused = await browser.submit(await browser.open(link), fields)
      expect([refused.status, message.test(refused.text())]).toEqual([400, true])
      const accepted = await browser.submit(refused, { email: 'a@example.com', password: PASSWORD })
      expect(accepted.url).toContain('/account')
    })

    it('is not guessed', async () => {
      expect((await createBrowser(server).open('/setup?token=wrong')).status).toBe(404)
      expect((await createBrowser(server).open('/setup')).status).toBe(404)
    })
  })

  describe('that of an invitation, where no mail leaves', () => {
    const invite = async (email: string) =>
      (await server.manage<{ link: string; invitation_id: string }>('POST', '/invitations', { email })) ?? {}

    beforeEach(async () => {
      server = await createTestServer({ mailer: undefined })
    })

    it('makes one account, once', async () => {
      const { link } = await invite('guest@example.com')
      const browser = createBrowser(server)
      const answers = await race(await browser.open(link), (fields) => browser.post('/invitation', fields), {
        password: PASSWORD,
      })
      expect(answers.filter(({ url }) => url.includes('/account'))).toHaveLength(1)
      expect((await createBrowser(server).open(link)).status).toBe(404)
    })

    it('never sets the password of an account that is there', async () => {
      await expect(invite(OWNER.email)).rejects.toThrow(/409/)
      const browser = createBrowser(server)
      await browser.submit(await browser.open((await invite('guest@example.com')).link), {
        password: PASSWORD,
      })
      const { members } = await server.manage<{ members: { user_id: string; email: string }[] }>(
        'GET',
        '/members',
      )
      const guest = members.find(({ email }) => email === 'guest@example.com')
      await server.manage('DELETE', `/members/${guest?.user_id}`)
      const { link } = await invite('guest@example.com')
      const page = await createBrowser(server).open(link)
      expect(page.html.querySelector('form[action="/sign-in"]')).toBeTruthy()
    })

    it('ends with the next one for the same address', async () => {
      const [first, second] = [await invite('guest@example.com'), await invite('guest@example.com')]
      expect((await createBrowser(server).open(first.link)).status).toBe(404)
      expect((await createBrowser(server).open(second.link)).status).toBe(200)
    })

    it('ends after a week, and when it is taken back', async () => {
      const [late, removed] = [await invite('late@example.com'), await invite('removed@example.com')]
      await server.manage('DELETE', `/invitations/${removed.invitation_id}`)
      expect((await createBrowser(server).open(removed.link)).status).toBe(404)
      server.clock.advance(7 * 86_400 + 1)
      expect((await createBrowser(server).open(late.link)).status).toBe(404)
    })
  })

  it('that of a new password works once, and is told to the mailbox alone', async () => {
    server = await createTestServer()
    const browser = createBrowser(server)
    await browser.submit(await browser.open('/password-reset'), { email: OWNER.email }, '/password-reset')
    await vi.waitUntil(() => server.mails.length > 0)
    const link = /http:\S+/.exec(server.mails[0]?.text ?? '')?.[0] ?? ''
    const answers = await race(
      await browser.open(link),
      (fields) => browser.post('/password-reset/new', fields),
      { password: PASSWORD },
    )
    expect(answers.filter(({ url }) => url.includes('/account'))).toHaveLength(1)
    const again = createBrowser(server)
    const page = await again.submit(
      await again.open('/sign-in'),
      { email: OWNER.email, password: PASSWORD },
      '/sign-in',
    )
    expect(page.url).toContain('/account')
  })

  describe('that of the development inbox', () => {
    const inbox: DevelopmentInbox = {
      secret: 's'.repeat(43),
      list: async () => [{ to: 'a@example.com', subject: 'A code', text: 'ABCD-EFGH', sentAt: 0 }],
    }
    const status = async (path: string, info = {}, host = 'localhost:8787') =>
      (await server.fetch(path, { headers: { Host: host } }, info)).status

    it('shows mail to who has the secret from the terminal, and keeps it out of the address bar', async () => {
      server = await createTestServer({ inbox })
      const browser = createBrowser(server)
      const page = await browser.open(`/dev/inbox?secret=${inbox.secret}`)
      expect([page.url, page.status]).toEqual([`${ISSUER}/dev/inbox`, 200])
      expect(page.text()).toContain('ABCD-EFGH')
      expect((await createBrowser(server).open('/dev/inbox')).status).toBe(404)
    })

    it('is not there for anybody else', async () => {
      server = await createTestServer({ inbox })
      const path = `/dev/inbox?secret=${inbox.secret}`
      expect(await status('/dev/inbox?secret=wrong')).toBe(404)
      expect(await status(path, { loopback: false })).toBe(404)
      expect(await status(path, {}, 'evil.example')).toBe(421)
    })

    it('is refused where the issuer is not for this machine alone', async () => {
      server = await createTestServer()
      await expect(createTestServer({ inbox, issuer: 'https://auth.example.com' })).rejects.toThrow(
        /loopback/,
      )
      expect(await status(`/dev/inbox?secret=${inbox.secret}`)).toBe(404)
    })
  })
})
