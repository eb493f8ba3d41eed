import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import type { ServerOptions } from '../../server/src/options.ts'
import { type CallbackServer, startCallbackServer } from './callback_server.ts'
import { launchChromium, openWatchedPage } from './chromium.ts'
import {
  authorizeUrl,
  createPkce,
  introspect,
  type RegisteredServer,
  registerClient,
  registerServer,
  requestToken,
  type TokenBody,
} from './flow.ts'
import { startListeningServer } from './listening_server.ts'
import type { TestServer } from './server.ts'

/** A listening server with a registered MCP server, a client's callback, and a browser. */
export interface RealSetup {
  server: TestServer
  mcp: RegisteredServer
  callback: CallbackServer
  browser: Browser
  /** A page of a new person, and everything that its console complains of. */
  openPage(options?: BrowserContextOptions): Promise<{ page: Page; problems: string[] }>
  /** A dynamically registered client and its authorization request. */
  request(
    parameters?: Readonly<Record<string, string>>,
    metadata?: Record<string, unknown>,
  ): Promise<RealRequest>
  isActive(token: string): Promise<boolean>
  close(): Promise<void>
}

export interface RealRequest {
  url: string
  /** Waits for the callback, and exchanges its code. */
  finish(): Promise<TokenBody>
}

export async function startRealSetup(overrides: Partial<ServerOptions> = {}): Promise<RealSetup> {
  const server = await startListeningServer(overrides)
  const mcp = await registerServer(server)
  const callback = await startCallbackServer()
  const browser = await launchChromium()
  return {
    server,
    mcp,
    callback,
    browser,
    openPage: async (options) => openWatchedPage(await browser.newContext(options)),
    async request(parameters = {}, metadata = {}) {
      const clientId = await registerClient(server, { redirect_uris: [callback.url], ...metadata })
      const pkce = createPkce()
      const url = authorizeUrl(clientId, pkce, { redirect_uri: callback.url, ...parameters })
      return {
        url: server.issuer + url,
        async finish() {
          const { searchParams } = await callback.next()
          const { status, body } = await requestToken(server, {
            grant_type: 'authorization_code',
            client_id: clientId,
            code: searchParams.get('code') ?? '',
            code_verifier: pkce.verifier,
          })
          expect(status, searchParams.toString()).toBe(200)
          return body
        },
      }
    },
    isActive: async (token) => (await introspect(server, mcp.key, token))['active'] === true,
    async close() {
      await browser.close()
      await callback.close()
      await server.close()
    },
  }
}

/** Waits for the next mail to an address and returns its text. */
export async function receiveMail({ mails }: TestServer, to: string): Promise<string> {
  const find = () => mails.findIndex((mail) => mail.to === to)
  await expect.poll(find).toBeGreaterThanOrEqual(0)
  const [mail] = mails.splice(find(), 1)
  return mail?.text ?? ''
}

/** The link in a mail. */
export function findLink(text: string): string {
  const [link] = /https?:\/\/\S+/.exec(text) ?? []
  if (link === undefined) throw new Error(`There is no link in: ${text}`)
  return link
}

/** The code in a mail, as people copy it. */
export function findCode(text: string): string {
  const [code] = /\b[A-Z2-9]{4}-[A-Z2-9]{4}\b/.exec(text) ?? []
  if (code === undefined) throw new Error(`There is no code in: ${text}`)
  return code
}
