import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PURPOSES, type Purpose } from '../../server/src/keys/purpose_keys.ts'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  registerClient,
  registerServer,
  requestToken,
  signIn,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'
import { ALL, giveOut, listGood, type What } from './given_out.ts'

let one: TestServer
let other: TestServer
const background: Promise<void>[] = []

beforeEach(async () => {
  one = await createTestServer({ waitUntil: (work) => void background.push(work) })
  other = await one.addNode()
  onTestFinished(() => one.close())
})

const settle = () => Promise.all(background.splice(0))

async function rotate(purposes: readonly Purpose[]): Promise<void> {
  for (const purpose of purposes) await one.server.rotatePurposeKey(purpose, 'immediately')
}

/** A minute later, by a request. */
async function learn(node: TestServer): Promise<void> {
  node.clock.advance(60)
  await node.fetch('/authorize')
  await settle()
}

/** What withdrawing the former key of a purpose ends. */
const ENDS: Record<Purpose, readonly What[]> = {
  digest: ['an API key', 'the secret of a registered client', 'a session'],
  refresh_token: ['a refresh token'],
  client_id: ['a refresh token', 'the id of a dynamic client', 'the secret of a dynamic client'],
  client_secret: ['the secret of a dynamic client', 'a registration access token'],
  browser: ['a form in a browser'],
}

describe('a new key', () => {
  it('ends nothing, of any purpose, on the node where it is made and on every other', async () => {
    const given = await giveOut(one)
    await rotate(PURPOSES)
    expect(await listGood(one, given)).toEqual(ALL)
    await learn(other)
    expect(await listGood(other, given)).toEqual(ALL)
  })

  it('makes what every node takes that knows it', async () => {
    await rotate(PURPOSES)
    const given = await giveOut(one)
    expect(await listGood(other, given)).not.toEqual(ALL)
    await learn(other)
    expect(await listGood(other, given)).toEqual(ALL)
  })

  it.each(PURPOSES)('of %s ends what the former one made when that is withdrawn', async (purpose) => {
    const given = await giveOut(one)
    await rotate([purpose])
    await one.server.withdrawPurposeKeys(purpose)
    const left = ALL.filter((what) => !ENDS[purpose].includes(what))
    expect(await listGood(one, given)).toEqual(left)
    await learn(other)
    expect(await listGood(other, given)).toEqual(left)
  })
})

it('keys that are read again beside a document, which does not wait for them, are waited for after it', async () => {
  one.clock.advance(10 * 60)
  await settle()
  expect((await one.fetch('/.well-known/openid-configuration')).status).toBe(200)
  expect(background).toHaveLength(1)
  await settle()
})

it('a database that hangs while keys are read again holds up no monitor and no document', async () => {
  const hanging = { ...one.database.database }
  const node = await one.addNode({ database: hanging })
  const { query } = one.database.database
  hanging.query = (statement, values) =>
    statement.name === 'purpose_keys_list' ? new Promise(() => {}) : query(statement, values)
  one.clock.advance(120)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  for (const path of ['/health', '/.well-known/jwks.json', '/.well-known/openid-configuration'])
    expect((await node.fetch(path)).status).toBe(200)
  const page = node.fetch('/sign-in')
  await vi.advanceTimersByTimeAsync(2_000)
  expect((await page).status).toBe(200)
})

describe('what is under way while keys change comes to its end', () => {
  it('a consent page, and a code', async () => {
    await registerServer(one)
    const client_id = await registerClient(one)
    const { verifier, challenge } = createPkce()
    const browser = createBrowser(one)
    const page = await signIn(browser, await browser.open(authorizeUrl(client_id, { verifier, challenge })))
    await rotate(PURPOSES)
    const { leftTo } = await browser.submit(page, { decision: 'approve' }, '/consent')
    const code = leftTo?.searchParams.get('code') ?? ''
    const exchange = () =>
      requestToken(one, { grant_type: 'authorization_code', client_id, code, code_verifier: verifier })
    await rotate(PURPOSES)
    expect((await exchange()).status).toBe(200)
    await rotate(PURPOSES)
    expect((await exchange()).body).toMatchObject({ error_description: /was used before/ })
  })

  it('a code from a mail', async () => {
    const browser = createBrowser(one)
    const asked = { email: OWNER.email, method: 'email_code' }
    const page = await browser.submit(await browser.open('/sign-in'), asked, '/sign-in')
    await settle()
    await rotate(PURPOSES)
    const [code = ''] = /[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(one.mails.at(-1)?.text ?? '') ?? []
    expect((await browser.submit(page, { code }, '/sign-in/code')).status).toBe(200)
    expect((await browser.open('/account')).text()).toContain(OWNER.email)
  })

  it('a link for a new password', async () => {
    const browser = createBrowser(one)
    await browser.submit(await browser.open('/password-reset'), { email: OWNER.email })
    await settle()
    await rotate(PURPOSES)
    const [link = ''] = /\/password-reset\/new\?token=\S+/.exec(one.mails.at(-1)?.text ?? '') ?? []
    const page = await browser.open(link)
    await rotate(PURPOSES)
    await browser.submit(page, { password: 'a new password that is long' })
    expect((await browser.open('/account')).text()).toContain(OWNER.email)
  })

  it('an invitation', async () => {
    const invited = { email: 'guest@example.com', role: 'member' }
    await one.manage('POST', '/invitations', invited)
    await rotate(PURPOSES)
    const [link = ''] = /\/invitation\?token=\S+/.exec(one.mails.at(-1)?.text ?? '') ?? []
    const browser = createBrowser(one)
    const page = await browser.open(link)
    await rotate(PURPOSES)
    await browser.submit(page, { password: 'a password of a guest, long' })
    expect((await browser.open('/account')).text()).toContain(invited.email)
  })

  it('a browser that starts another session has no former one left', async () => {
    const browser = createBrowser(one)
    await signIn(browser, await browser.open('/sign-in'))
    const former = new Map(browser.cookies)
    await rotate(['digest'])
    await signIn(browser, await browser.open('/sign-in?switch=1'))
    const planted = createBrowser(one)
    for (const [name, value] of former) planted.cookies.set(name, value)
    expect((await planted.open('/account')).text()).not.toContain(OWNER.email)
    expect((await browser.open('/account')).text()).toContain(OWNER.email)
  })
})
