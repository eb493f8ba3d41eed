import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { createDocumentHost, documentOf } from './document_host.ts'
import { asksForConsent, createClient, errorIn, sentTo, signedIn } from './requests.ts'

const REDIRECT = 'https://app.example.com/callback'
const GOOD = 'https://good.example.com/client.json'
const BELOW = 'https://apps.good.example.com/client.json'
const OTHER = 'https://elsewhere.example.org/client.json'
const ALIKE = 'https://notgood.example.com/client.json'

describe('decisions.md "Dynamic registration": which clients may come in, per organisation', () => {
  const host = createDocumentHost()
  let server: TestServer
  let dynamic: string
  let registered: string

  beforeEach(async () => {
    server = await createTestServer({ fetchPublicUrl: host.fetchPublicUrl })
    await registerServer(server)
    for (const id of [GOOD, BELOW, OTHER, ALIKE]) host.documents.set(id, { body: documentOf(id) })
    dynamic = await registerClient(server, { redirect_uris: [REDIRECT] })
    registered = (await createClient(server, { redirect_uris: [REDIRECT] })).client_id
  })
  afterEach(() => server.close())

  const setPolicy = (client_policy: unknown) =>
    server.manage('PATCH', '/organization', { client_policy } as object)
  const url = (clientId: string, more: Record<string, string> = {}) =>
    authorizeUrl(clientId, createPkce(), { redirect_uri: REDIRECT, ...more })
  async function comesIn(clientId: string): Promise<boolean> {
    const browser = await signedIn(server)
    const page = await browser.open(url(clientId))
    if (!asksForConsent(page)) {
      expect(page.leftTo).toBeUndefined()
      expect(page.status).toBeGreaterThanOrEqual(400)
      expect(page.status).toBeLessThan(500)
    }
    return asksForConsent(page)
  }

  it('everyone: all of them', async () => {
    for (const id of [GOOD, OTHER, dynamic, registered]) expect(await comesIn(id), id).toBe(true)
  })

  it('a list of domains: documents at these, and what is registered', async () => {
    await setPolicy({ domains: ['good.example.com'] })
    expect(await comesIn(GOOD)).toBe(true)
    expect(await comesIn(registered)).toBe(true)
    expect(await comesIn(OTHER)).toBe(false)
    expect(await comesIn(ALIKE)).toBe(false)
    expect(await comesIn(dynamic)).toBe(false)
  })

  it('registered only', async () => {
    await setPolicy('registered')
    expect(await comesIn(registered)).toBe(true)
    for (const id of [GOOD, OTHER, dynamic]) expect(await comesIn(id), id).toBe(false)
  })

  it('RFC 9700 §4.11.2 an error goes at once to a document of a listed domain, as its owner vouches for it', async () => {
    await setPolicy({ domains: ['good.example.com'] })
    expect(errorIn(await sentTo(server, url(GOOD, { scope: 'moon' })))).toBe('invalid_scope')
  })

  it('RFC 9700 §4.11.2 where everyone comes in, nobody vouches for a document: a page with a link', async () => {
    const page = await createBrowser(server).open(url(GOOD, { scope: 'moon' }))
    expect(page.leftTo).toBeUndefined()
    expect(page.text()).toContain('invalid_scope')
  })

  it('a client that was refused can be let in later', async () => {
    await setPolicy('registered')
    expect(await comesIn(dynamic)).toBe(false)
    await setPolicy('everyone')
    expect(await comesIn(dynamic)).toBe(true)
  })
})
