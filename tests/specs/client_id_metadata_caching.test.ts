import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser, type Page } from '../support/browser.ts'
import { authorizeUrl, createPkce, grant, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { createDocumentHost, documentOf } from './document_host.ts'
import { asksForSignIn } from './requests.ts'

const REDIRECT = 'https://app.example.com/callback'

describe('draft-ietf-oauth-client-id-metadata-document §4.4, caching', () => {
  const host = createDocumentHost()
  let server: TestServer
  let serial = 0

  beforeAll(async () => {
    server = await createTestServer({ fetchPublicUrl: host.fetchPublicUrl })
    await registerServer(server)
  })
  afterAll(() => server.close())

  function publish(cacheControl = ''): string {
    const clientId = `https://cached-${++serial}.example.com/client.json`
    host.documents.set(clientId, { body: documentOf(clientId), cacheControl })
    return clientId
  }
  const open = (clientId: string): Promise<Page> =>
    createBrowser(server).open(authorizeUrl(clientId, createPkce(), { redirect_uri: REDIRECT }))

  /** Whether the document is fetched again after so many seconds. */
  async function isFetchedAgain(cacheControl: string, seconds: number): Promise<boolean> {
    const clientId = publish(cacheControl)
    await open(clientId)
    expect(host.fetches(clientId)).toBe(1)
    server.clock.advance(seconds)
    await open(clientId)
    return host.fetches(clientId) === 2
  }

  it('concurrent fetches of one URL share one', async () => {
    const clientId = publish()
    await Promise.all(Array.from({ length: 20 }, () => open(clientId)))
    expect(host.fetches(clientId)).toBe(1)
  })

  it('a whole flow fetches once', async () => {
    const clientId = publish()
    const { tokens } = await grant(server, { clientId, parameters: { redirect_uri: REDIRECT } })
    await refresh(server, { clientId }, tokens.refresh_token)
    expect(host.fetches(clientId)).toBe(1)
  })

  describe('decisions.md by HTTP rules, but at least 5 minutes', () => {
    it.each([
      '',
      'no-cache',
      'no-store',
      'max-age=0',
      'max-age=10',
      'max-age=abc',
      'max-age=-5',
      'private',
      'nonsense',
    ])('%j: kept for 299 s, fetched after 301 s', async (cacheControl) => {
      expect(await isFetchedAgain(cacheControl, 299)).toBe(false)
      expect(await isFetchedAgain(cacheControl, 301)).toBe(true)
    })
  })

  describe('decisions.md by HTTP rules between', () => {
    it.each([
      'max-age=3600',
      'public, max-age=3600',
      'MAX-AGE=3600',
      'max-age="3600"',
      'must-revalidate,max-age=3600',
    ])('%j: kept for 3599 s, fetched after 3601 s', async (cacheControl) => {
      expect(await isFetchedAgain(cacheControl, 3599)).toBe(false)
      expect(await isFetchedAgain(cacheControl, 3601)).toBe(true)
    })
  })

  it('RFC 9111 §5.2.2.5 no-store beside max-age is no-store', async () => {
    expect(await isFetchedAgain('no-store, max-age=3600', 301)).toBe(true)
  })

  it.each(['max-age=31536000', 'max-age=99999999999999999999', 'immutable, max-age=604800'])(
    'decisions.md at most 24 hours: %j',
    async (cacheControl) => {
      expect(await isFetchedAgain(cacheControl, 86_399)).toBe(false)
      expect(await isFetchedAgain(cacheControl, 86_401)).toBe(true)
    },
  )

  describe('errors are never cached', () => {
    it('MUST NOT cache error responses: a document that appears is used at once', async () => {
      const clientId = `https://late-${++serial}.example.com/client.json`
      expect((await open(clientId)).status).toBeGreaterThanOrEqual(400)
      host.documents.set(clientId, { body: documentOf(clientId) })
      expect(asksForSignIn(await open(clientId))).toBe(true)
    })

    it('MUST NOT cache invalid or malformed documents', async () => {
      const clientId = `https://mended-${++serial}.example.com/client.json`
      for (const body of ['{', documentOf('https://other.example.com/x')]) {
        host.documents.set(clientId, { body, cacheControl: 'max-age=3600' })
        expect((await open(clientId)).status).toBe(400)
      }
      host.documents.set(clientId, { body: documentOf(clientId) })
      expect(asksForSignIn(await open(clientId))).toBe(true)
    })

    it('decisions.md but they are retried under a rate limit', async () => {
      const clientId = `https://down-${++serial}.example.com/client.json`
      for (let time = 0; time < 60; time++) await open(clientId)
      expect(host.fetches(clientId)).toBeLessThan(60)
      host.documents.set(clientId, { body: documentOf(clientId) })
      server.clock.advance(120)
      expect(asksForSignIn(await open(clientId))).toBe(true)
    })

    it('a stranger who names failing URLs of a host locks out no client of that host that works', async () => {
      const clientId = publish()
      await grant(server, { clientId, parameters: { redirect_uri: REDIRECT } })
      server.clock.advance(301)
      const { host: name } = new URL(clientId)
      for (let time = 0; time < 60; time++) await open(`https://${name}/invented-${time}.json`)
      expect(asksForSignIn(await open(clientId))).toBe(true)
    })

    it('one failing host does not slow down another', async () => {
      for (let time = 0; time < 60; time++) await open(`https://down-again.example.com/${time}.json`)
      expect(asksForSignIn(await open(publish()))).toBe(true)
    })
  })

  it('another node fetches for itself, or knows; it serves the client either way', async () => {
    const clientId = publish()
    await open(clientId)
    const node = await server.addNode()
    const page = await createBrowser(node).open(
      authorizeUrl(clientId, createPkce(), { redirect_uri: REDIRECT }),
    )
    expect(asksForSignIn(page)).toBe(true)
  })
})
