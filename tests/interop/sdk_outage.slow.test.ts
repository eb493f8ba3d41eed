import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Listener, listen } from '../../node/src/listen.ts'
import { createBrowser } from '../support/browser.ts'
import { grant } from '../support/flow.ts'
import { findFreePort } from '../support/loopback.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import {
  type Example,
  type ExampleServer,
  filesystem,
  notes,
  type Validation,
} from './servers/example_servers.ts'
import { pingWithToken } from './servers/requests.ts'

const OUTAGE_MS = 20_000
const AT_ONCE = 4

/** An authorization server whose process goes away and comes back, on the same address and database. */
interface Outage {
  authServer: TestServer
  stop(): Promise<void>
  start(): Promise<void>
}

describe.each([filesystem, notes])('$name, when the authorization server is away for 20 s', (example) => {
  let outage: Outage
  let servers: Record<Validation, ExampleServer>

  beforeEach(async () => {
    outage = await createOutage()
    servers = {
      local: await example.start(outage.authServer, 'local'),
      introspect: await example.start(outage.authServer, 'introspect'),
    }
  })
  afterEach(async () => {
    await servers.local.close()
    await servers.introspect.close()
    await outage.stop()
    await outage.authServer.close()
  })

  it('serves throughout where it validates locally; else refuses with 503, and recovers by itself', async () => {
    const known = { local: await token(example, 'local'), introspect: await token(example, 'introspect') }
    const unknown = { local: await token(example, 'local'), introspect: await token(example, 'introspect') }
    const ask = (validation: Validation, tokens: typeof known) =>
      statusOf(servers[validation].url, tokens[validation])
    expect([await ask('local', known), await ask('introspect', known)]).toEqual([true, true])

    const load = {
      local: startLoad(() => ask('local', known)),
      introspect: startLoad(() => ask('introspect', known)),
    }
    await outage.stop()
    const duringOutage = { known: new Set<Answer>(), unknown: new Set<Answer>() }
    // The first refusal shows that the introspecting server has noticed.
    await expect.poll(() => ask('introspect', known)).toBe(503)
    const end = Date.now() + OUTAGE_MS
    while (Date.now() < end) {
      duringOutage.known.add(await ask('introspect', known))
      duringOutage.unknown.add(await ask('introspect', unknown))
      expect(await ask('local', unknown)).toBe(true)
    }
    expect([...duringOutage.known]).toEqual([503])
    expect([...duringOutage.unknown]).toEqual([503])

    await outage.start()
    await expect.poll(() => ask('introspect', unknown), { timeout: 20_000 }).toBe(true)
    expect(await ask('introspect', known)).toBe(true)
    expect(await load.local.stop()).toEqual([true])
    expect(new Set(await load.introspect.stop())).toEqual(new Set([true, 503]))
  })

  async function token(from: Example, validation: Validation): Promise<string> {
    const parameters = { resource: servers[validation].url, scope: from.scopes.read }
    const browser = createBrowser(outage.authServer)
    return (await grant(outage.authServer, { parameters, browser })).tokens.access_token
  }
})

/** Whether the request got through to the MCP server; or the status with which it was refused. */
type Answer = true | number

async function statusOf(url: string, token: string): Promise<Answer> {
  const { status } = await pingWithToken(url, token)
  return status === 401 || status === 403 || status === 503 ? status : true
}

/** Asks again and again, several times at once; `stop` tells which answers there were. */
function startLoad(ask: () => Promise<Answer>): { stop(): Promise<Answer[]> } {
  const answers = new Set<Answer>()
  let isOver = false
  const workers = Array.from({ length: AT_ONCE }, async () => {
    while (!isOver) {
      answers.add(await ask())
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
  return {
    async stop() {
      isOver = true
      await Promise.all(workers)
      return [...answers]
    },
  }
}

async function createOutage(): Promise<Outage> {
  const port = await findFreePort()
  const authServer = await createTestServer({ issuer: `http://localhost:${port}`, now: Date.now })
  let listener: Listener | undefined
  const outage: Outage = {
    authServer: {
      ...authServer,
      fetch: (path, init) => fetch(new URL(path, authServer.issuer), { redirect: 'manual', ...init }),
    },
    async stop() {
      await listener?.close()
      listener = undefined
    },
    async start() {
      listener = await listen((request, info) => authServer.server.fetch(request, info), {
        host: '127.0.0.1',
        port,
        trustedProxies: [],
        drainMs: 0,
        graceMs: 0,
      })
    },
  }
  await outage.start()
  return outage
}
