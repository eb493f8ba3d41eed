import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  type Granted,
  grant,
  introspect,
  type RegisteredServer,
  refresh,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const OLD = 'the secret of last year, which is long enough'
const NEW = 'the secret of this year, which is long enough'
const OTHER = 'a secret that this database has never seen yet'

let server: TestServer

beforeEach(async () => {
  server = await createTestServer({ secrets: [OLD] })
})
afterEach(() => server.close())

const deploy = (...secrets: string[]) => server.addNode({ secrets })

describe('a rotation of the server secret', () => {
  let mcp: RegisteredServer
  let granted: Granted
  let browser: ReturnType<typeof createBrowser>

  beforeEach(async () => {
    mcp = await registerServer(server)
    browser = createBrowser(server)
    granted = await grant(server, { browser })
  })

  /** Everything that somebody holds works on a node, and on the nodes that are still there. */
  async function expectAllLives(node: TestServer): Promise<void> {
    expect(await introspect(node, mcp.key, granted.tokens.access_token)).toMatchObject({ active: true })
    const { status, body } = await refresh(node, granted, granted.tokens.refresh_token)
    expect(status).toBe(200)
    granted = { ...granted, tokens: body }
    expect(await introspect(node, mcp.key, body.access_token)).toMatchObject({ active: true })
    const sameBrowser = createBrowser(node)
    for (const [name, value] of browser.cookies) sameBrowser.cookies.set(name, value)
    const page = await sameBrowser.open(authorizeUrl(granted.clientId, createPkce()))
    // Known client, live session: the person is asked for consent, and not to sign in.
    expect(page.form('/consent').action).toContain('/consent')
  }

  it('add last, deploy, move first, deploy, remove the old one: nothing dies of it', async () => {
    await expectAllLives(server)
    const addedLast = [await deploy(OLD, NEW), await deploy(OLD, NEW)]
    for (const node of [server, ...addedLast]) await expectAllLives(node)

    // While it is rolled out, nodes with either order run side by side, and all read what any of them writes.
    const movedFirst = [await deploy(NEW, OLD)]
    server.clock.advance(61)
    for (const node of [...addedLast, ...movedFirst]) await expectAllLives(node)
    movedFirst.push(await deploy(NEW, OLD))
    server.clock.advance(61)
    for (const node of movedFirst) await expectAllLives(node)

    const removed = await deploy(NEW)
    server.clock.advance(61)
    for (const node of [...movedFirst, removed]) await expectAllLives(node)
  })

  it('goes on while a node still rotates signing keys with the former secret', async () => {
    const addedLast = await deploy(OLD, NEW)
    const movedFirst = await deploy(NEW, OLD)
    server.clock.advance(89 * 86_400)
    await addedLast.server.maintain()
    server.clock.advance(61)
    await movedFirst.server.maintain()
    const removed = await deploy(NEW)
    const again = await grant(removed)
    expect(await introspect(movedFirst, mcp.key, again.tokens.access_token)).toMatchObject({ active: true })
  })
})

describe('a start with the wrong secrets', () => {
  const FORMER =
    'AUTH_AGENT_SECRET does not hold the secret that wrapped the keys in this database: add the former secret to its end.'

  it('without the former secret ends in one clear sentence, and changes nothing', async () => {
    await expect(deploy(OTHER)).rejects.toThrow(new Error(FORMER))
    const node = await deploy(OLD)
    expect((await node.fetch('/ready')).status).toBe(200)
  })

  it('is refused too early: with the new one alone, before it ever came first', async () => {
    await deploy(OLD, NEW)
    await expect(deploy(NEW)).rejects.toThrow(new Error(FORMER))
  })

  it('says so too where there is none, or one that is too short', async () => {
    await expect(deploy()).rejects.toThrow(/^AUTH_AGENT_SECRET is empty/)
    await expect(deploy('short')).rejects.toThrow(/^AUTH_AGENT_SECRET has an entry shorter than 32 bytes/)
    await expect(deploy(NEW, 'short')).rejects.toThrow(
      /^AUTH_AGENT_SECRET has an entry shorter than 32 bytes/,
    )
  })

  it('tells no secret in the sentence', async () => {
    const error: unknown = await deploy(OTHER).catch((reason: unknown) => reason)
    expect(String(error)).not.toContain(OTHER)
    expect(String(error)).not.toContain(OLD)
  })
})
