import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CallbackServer, startCallbackServer } from '../support/callback_server.ts'
import { launchChromium } from '../support/chromium.ts'
import { startListeningServer } from '../support/listening_server.ts'
import { allow, signInByPassword } from '../support/person.ts'
import type { TestServer } from '../support/server.ts'
import {
  type ClientOptions,
  LATEST_HANDSHAKE_REVISION,
  type McpClient,
  OLDEST_REVISION,
  STATELESS_REVISION,
} from './clients/client.ts'
import { connectPythonClient } from './clients/python_client.ts'
import { connectTypeScriptClient1, connectTypeScriptClient2 } from './clients/typescript_client.ts'
import {
  type Example,
  type ExampleServer,
  filesystem,
  notes,
  type Validation,
} from './servers/example_servers.ts'
import { pingWithToken } from './servers/requests.ts'

type Connect = (options: ClientOptions) => Promise<McpClient>

const CLIENTS: readonly [string, Connect, readonly string[]][] = [
  [
    'the official client in Python',
    (options) => connectPythonClient('mcp', options),
    [OLDEST_REVISION, LATEST_HANDSHAKE_REVISION, STATELESS_REVISION],
  ],
  [
    "FastMCP's client",
    (options) => connectPythonClient('fastmcp', options),
    [OLDEST_REVISION, LATEST_HANDSHAKE_REVISION, STATELESS_REVISION],
  ],
  [
    'the official client in TypeScript 1.x',
    connectTypeScriptClient1,
    [OLDEST_REVISION, LATEST_HANDSHAKE_REVISION],
  ],
  [
    'the official client in TypeScript 2.x',
    connectTypeScriptClient2,
    [OLDEST_REVISION, LATEST_HANDSHAKE_REVISION, STATELESS_REVISION],
  ],
]
const EXAMPLES: readonly [string, Example, Validation][] = [
  ['filesystem-server, introspecting', filesystem, 'introspect'],
  ['filesystem-server, validating locally', filesystem, 'local'],
  ['notes-server, introspecting', notes, 'introspect'],
  ['notes-server, validating locally', notes, 'local'],
]
const COMBINATIONS = CLIENTS.flatMap(([name, connect, revisions]) =>
  revisions.map((revision) => [name, revision, connect] as const),
)

describe.each(EXAMPLES)('%s', (_, example, validation) => {
  let authServer: TestServer
  let server: ExampleServer
  let callback: CallbackServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    authServer = await startListeningServer()
    server = await example.start(authServer, validation)
    callback = await startCallbackServer()
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await callback?.close()
    await server?.close()
    await authServer?.close()
  })

  it.each(COMBINATIONS)('goes all the way with %s on %s', async (name, revision, connect) => {
    page = await browser.newPage()
    const requests: URL[] = []
    const client = await connect({
      url: server.url,
      revision,
      clientName: `${name}, ${revision}`,
      redirectUri: callback.url,
      async authorize(request) {
        requests.push(request)
        await page.goto(request.href)
        if (new URL(page.url()).pathname.endsWith('/sign-in')) await signInByPassword(page)
        await checkConsent(page, example, requests.length)
        await allow(page)
        return callback.next()
      },
    })
    try {
      expect(client.revision).toBe(revision)
      expect(await client.call(example.read.tool, example.read.args)).toContain(example.read.answer)
      expect(requests.map(scopeOf)).toEqual([example.scopes.read])

      expect(await client.call(example.write.tool, example.write.args)).toContain(example.write.answer)
      expect(requests).toHaveLength(2)
      expect(new Set(scopeOf(requests[1]).split(' '))).toEqual(new Set(Object.values(example.scopes)))

      await checkRevocation(client)
    } finally {
      await client.close()
      await page.context().close()
    }
  })

  /** The revoked token is refused, with a challenge from which the client begins anew. */
  async function checkRevocation(client: McpClient): Promise<void> {
    const { access_token, refresh_token, client_id } = await client.credentials()
    expect((await ask(access_token)).status).not.toBe(401)
    const body = new URLSearchParams({ token: refresh_token, client_id })
    const revoked = await fetch(`${authServer.issuer}/revoke`, { method: 'POST', body })
    expect(revoked.status).toBe(200)
    await expect.poll(async () => (await ask(access_token)).status).toBe(401)
    const challenge = (await ask(access_token)).headers.get('WWW-Authenticate')
    expect(challenge).toContain('error="invalid_token"')
    expect(challenge).toContain('/.well-known/oauth-protected-resource/mcp"')
  }

  const ask = (token: string) => pingWithToken(server.url, token)
})

/** At first the page asks for reading alone; then for writing, which is new, beside it. */
async function checkConsent(page: Page, { descriptions }: Example, time: number): Promise<void> {
  const read = page.locator('label', { hasText: descriptions.read })
  const write = page.locator('label', { hasText: descriptions.write })
  await read.waitFor()
  if (time === 1) {
    expect(await write.count()).toBe(0)
  } else {
    expect(await write.innerText()).toContain('new')
    expect(await read.innerText()).not.toContain('new')
  }
}

function scopeOf(request: URL | undefined): string {
  return request?.searchParams.get('scope') ?? ''
}
