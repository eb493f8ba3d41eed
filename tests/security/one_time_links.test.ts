import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createSignedInBrowser,
  invite,
  isSignedIn,
  linkIn,
  waitFor,
  waitForNothing,
} from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { grant, introspect, registerServer } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

const NEW_PASSWORD = 'plum wagon tundra seven'

describe('OWASP "Forgot Password": links that open an account', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await createTestServer()
  })
  afterEach(() => server.close())

  async function requestReset(email: string, browser = createBrowser(server)): Promise<string> {
    const before = server.mails.length
    await browser.submit(await browser.open('/password-reset'), { email }, '/password-reset')
    await waitFor(() => server.mails.length > before)
    return linkIn(server.mails.at(-1)?.text ?? '')
  }
  async function use(link: string, password = NEW_PASSWORD, browser = createBrowser(server)) {
    const page = await browser.open(link)
    if (page.html.querySelector('input[name="password"]') === null) return page
    return browser.submit(page, { password })
  }
  const canSignIn = async (password: string) => {
    const browser = createBrowser(server)
    await browser.submit(await browser.open('/sign-in'), { email: OWNER.email, password }, '/sign-in')
    return isSignedIn(browser)
  }

  it('control: the link from the mail sets a new password, and the old one is worth nothing', async () => {
    await use(await requestReset(OWNER.email))
    expect([await canSignIn(NEW_PASSWORD), await canSignIn(OWNER.password)]).toEqual([true, false])
  })

  it('a reset link works once', async () => {
    const link = await requestReset(OWNER.email)
    await use(link)
    expect((await use(link, 'another password of the thief')).status).toBe(404)
    expect(await canSignIn('another password of the thief')).toBe(false)
  })

  it('looking at a reset link, as a mail scanner does, does not use it up', async () => {
    const link = await requestReset(OWNER.email)
    for (let round = 0; round < 3; round += 1)
      expect((await createBrowser(server).open(link)).status).toBe(200)
    await use(link)
    expect(await canSignIn(NEW_PASSWORD)).toBe(true)
  })

  it('a reset link is good for an hour', async () => {
    const link = await requestReset(OWNER.email)
    server.clock.advance(3601)
    expect((await use(link)).status).toBe(404)
  })

  it('an older reset link does not outlive a newer one’s use', async () => {
    const [old, recent] = [await requestReset(OWNER.email), await requestReset(OWNER.email)]
    await use(recent)
    await use(old, 'another password of the thief')
    expect(await canSignIn('another password of the thief')).toBe(false)
  })

  it('a reset ends the sessions and the access that a thief has', async () => {
    const mcp = await registerServer(server)
    const { browser: thief } = await createSignedInBrowser(server)
    const { tokens } = await grant(server, { browser: thief })
    await use(await requestReset(OWNER.email))
    expect(await isSignedIn(thief)).toBe(false)
    expect(await introspect(server, mcp.key, tokens.access_token)).toEqual({ active: false })
  })

  it('a changed password ends the other sessions', async () => {
    const { browser: thief } = await createSignedInBrowser(server)
    const { browser, account } = await createSignedInBrowser(server)
    const fields = { current_password: OWNER.password, new_password: NEW_PASSWORD }
    await browser.submit(account, fields, '/account/password')
    expect([await isSignedIn(browser), await isSignedIn(thief)]).toEqual([true, false])
  })

  it('a changed password makes a reset link that was out worthless', async () => {
    const link = await requestReset(OWNER.email)
    const { browser, account } = await createSignedInBrowser(server)
    const fields = { current_password: OWNER.password, new_password: NEW_PASSWORD }
    await browser.submit(account, fields, '/account/password')
    await use(link, 'another password of the thief')
    expect(await canSignIn('another password of the thief')).toBe(false)
  })

  it('the password is not changed without the current one, in a session that was left open', async () => {
    const { browser, account } = await createSignedInBrowser(server)
    for (const current_password of ['', 'wrong password', NEW_PASSWORD]) {
      await browser.submit(account, { current_password, new_password: NEW_PASSWORD }, '/account/password')
    }
    expect([await canSignIn(OWNER.password), await canSignIn(NEW_PASSWORD)]).toEqual([true, false])
  })

  it('the current password is guessed in an open session no more often than at the sign-in', async () => {
    const { browser, account } = await createSignedInBrowser(server)
    const statuses: number[] = []
    for (let round = 0; round < 15; round += 1) {
      const fields = { current_password: `wrong ${round}`, new_password: NEW_PASSWORD }
      statuses.push((await browser.submit(account, fields, '/account/password')).status)
    }
    expect(statuses.at(-1)).toBe(429)
  })

  it('a reset link of one account changes no other, whatever the form says', async () => {
    const guest = await invite(server, 'guest@example.com')
    const link = await requestReset(guest.email)
    const browser = createBrowser(server)
    await browser.submit(await browser.open(link), { password: NEW_PASSWORD, email: OWNER.email })
    expect(await canSignIn(OWNER.password)).toBe(true)
    expect(await canSignIn(NEW_PASSWORD)).toBe(false)
  })

  it.each([
    'owner@example.com,evil@example.org',
    'owner@example.com\r\nBcc: evil@example.org',
    'owner@example.com evil@example.org',
    'owner@example.com%0aBcc:evil@example.org',
  ])('an address with a second recipient (%j) is sent nothing', async (email) => {
    const browser = createBrowser(server)
    await browser.submit(await browser.open('/password-reset'), { email }, '/password-reset')
    await waitForNothing()
    expect(server.mails).toEqual([])
  })

  it('two addresses in one form (parameter pollution) are sent nothing', async () => {
    const browser = createBrowser(server)
    const page = await browser.open('/password-reset')
    const answer = await browser.submit(page, { email: [OWNER.email, 'evil@example.org'] }, '/password-reset')
    await waitForNothing()
    expect([answer.status, server.mails]).toEqual([400, []])
  })

  it('a link for one purpose serves no other', async () => {
    const reset = new URL(await requestReset(OWNER.email)).searchParams.get('token')
    await server.manage('POST', '/invitations', { email: 'guest@example.com' })
    await waitFor(() => server.mails.length > 1)
    const invitation = new URL(linkIn(server.mails.at(-1)?.text ?? '')).searchParams.get('token')
    const browser = createBrowser(server)
    for (const path of [
      `/invitation?token=${reset}`,
      `/setup?token=${reset}`,
      `/password-reset/new?token=${invitation}`,
      `/setup?token=${invitation}`,
    ]) {
      expect([path.split('?')[0], (await browser.open(path)).status]).toEqual([path.split('?')[0], 404])
    }
  })

  it('an invitation works once, for a week, and not after it was taken back', async () => {
    const invited = async (email: string) => {
      const before = server.mails.length
      const { invitation_id } = await server.manage<{ invitation_id: string }>('POST', '/invitations', {
        email,
      })
      await waitFor(() => server.mails.length > before)
      return { invitation_id, link: linkIn(server.mails.at(-1)?.text ?? '') }
    }
    const used = await invited('used@example.com')
    await use(used.link)
    expect((await use(used.link)).status).not.toBe(200)
    const withdrawn = await invited('withdrawn@example.com')
    await server.manage('DELETE', `/invitations/${withdrawn.invitation_id}`)
    expect((await use(withdrawn.link)).status).toBe(404)
    const old = await invited('old@example.com')
    server.clock.advance(7 * 86_400 + 1)
    expect((await use(old.link)).status).toBe(404)
  })

  it('an invitation to an address that has an account does not open that account', async () => {
    const guest = await invite(server, 'guest@example.com')
    const before = server.mails.length
    await server.manage('POST', '/invitations', { email: guest.email, role: 'admin' }).catch(() => undefined)
    await waitForNothing()
    if (server.mails.length === before) return
    const thief = createBrowser(server)
    const page = await thief.open(linkIn(server.mails.at(-1)?.text ?? ''))
    expect(page.html.querySelector('form[action$="/sign-in"]')).not.toBeNull()
    expect(await isSignedIn(thief)).toBe(false)
  })

  it('there is no second first owner: a setup link is worth nothing once there is one', async () => {
    expect(await server.server.setupLink()).toBeUndefined()
    const empty = await createTestServer({ owner: undefined })
    const [first = '', second = ''] = [await empty.server.setupLink(), await empty.server.setupLink()]
    const become = async (link: string, email: string) => {
      const browser = createBrowser(empty)
      const page = await browser.open(link)
      return page.status === 200 ? browser.submit(page, { email, password: NEW_PASSWORD }) : page
    }
    await createBrowser(empty).open(second)
    expect((await become(second, 'first@example.com')).url).toContain('/account')
    for (const link of [first, second]) expect((await become(link, 'thief@example.com')).status).toBe(404)
    await empty.close()
  })

  it('two who use one setup link at the same moment do not both become the owner', async () => {
    const empty = await createTestServer({ owner: undefined })
    const link = (await empty.server.setupLink()) ?? ''
    // All have the page before the first one sends it.
    const shown = await Promise.all(
      ['a@example.com', 'b@example.com', 'c@example.com'].map(async (email) => {
        const browser = createBrowser(empty)
        return { browser, email, page: await browser.open(link) }
      }),
    )
    const answers = await Promise.all(
      shown.map(({ browser, email, page }) => browser.submit(page, { email, password: NEW_PASSWORD })),
    )
    expect(answers.filter(({ url }) => url.includes('/account'))).toHaveLength(1)
    await empty.close()
  })
})
