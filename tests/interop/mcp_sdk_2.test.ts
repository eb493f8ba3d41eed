import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CallbackServer, startCallbackServer } from '../support/callback_server.ts'
import { launchChromium } from '../support/chromium.ts'
import { startListeningServer } from '../support/listening_server.ts'
import {
  authorizeInBrowser,
  createClientMetadata,
  createMcpOAuthClient,
  type McpOAuthClient,
} from '../support/mcp_oauth_client.ts'
import { allow, signInByPassword } from '../support/person.ts'
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/protected_mcp_server.ts'
import { OWNER, type TestServer } from '../support/server.ts'

const UNION = 'files:read files:write'
const DOCUMENT_URL = 'https://desk.example/oauth/client.json'

describe('@modelcontextprotocol/client 2.x', () => {
  let server: TestServer
  let mcp: ProtectedMcpServer
  let callback: CallbackServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    server = await startListeningServer()
    mcp = await startProtectedMcpServer(server)
    callback = await startCallbackServer()
    browser = await launchChromium()
    server.documents.set(DOCUMENT_URL, { client_id: DOCUMENT_URL, ...createClientMetadata(callback.url) })
  })
  afterAll(async () => {
    await browser.close()
    await callback.close()
    await mcp.close()
    await server.close()
  })

  it('goes all the way with a client that registers dynamically', async () => {
    const client = createMcpOAuthClient(callback.url)
    await goAllTheWay(client, 'nobody vouches for this name')
    expect(client.registration?.client_id).toMatch(/^dcr_/)
  })

  it('goes all the way with a client that is known by its metadata document', async () => {
    const client = createMcpOAuthClient(callback.url, DOCUMENT_URL)
    await goAllTheWay(client, 'Verified: it belongs to desk.example')
    expect(client.registration?.client_id).toBe(DOCUMENT_URL)
  })

  async function goAllTheWay(client: McpOAuthClient, voucher: string): Promise<void> {
    page = await browser.newPage()
    await authorizeFirst(client, voucher)
    const mcpClient = await connect(client)
    expect(await callTool(mcpClient, 'read_file')).toBe(`read_file for ${OWNER.email}`)

    const first = client.granted
    server.clock.advance(3601)
    expect(await callTool(mcpClient, 'read_file')).toBe(`read_file for ${OWNER.email}`)
    expect(client.granted?.refresh_token).not.toBe(first?.refresh_token)

    await stepUp(client, mcpClient)
    const stepped = await connect(client)
    expect(await callTool(stepped, 'write_file')).toBe(`write_file for ${OWNER.email}`)
    expect(await callTool(stepped, 'read_file')).toBe(`read_file for ${OWNER.email}`)

    await revoke(client)
    const requests = client.requests.length
    const registration = client.registration
    await expect(callTool(stepped, 'read_file')).rejects.toThrow(UnauthorizedError)
    expect(mcp.statuses.at(-1)).toBe(401)
    expect(client.granted).toBeUndefined()
    expect(client.registration).toBe(registration)
    expect(client.requests).toHaveLength(requests + 1)
    await page.context().close()
  }

  /** 401, discovery, registration, sign-in, consent, code. */
  async function authorizeFirst(client: McpOAuthClient, voucher: string): Promise<void> {
    const transport = createTransport(client)
    await expect(createClient().connect(transport)).rejects.toThrow(UnauthorizedError)
    expect(mcp.statuses.at(-1)).toBe(401)
    const answer = await authorizeInBrowser(client, callback, page, async () => {
      await signInByPassword(page)
      expect(await page.locator('main').innerText()).toContain(voucher)
      expect(await page.getByRole('checkbox').count()).toBe(1)
      expect(await page.getByRole('checkbox', { name: 'Read your files' }).isChecked()).toBe(true)
      await allow(page)
    })
    await transport.finishAuth(answer.searchParams)
    // This version would add offline_access, and ask the person each time, if the server advertised it (SEP-2207).
    expect(client.granted).toMatchObject({ token_type: 'Bearer', scope: 'files:read' })
    expect(client.granted?.refresh_token).toBeTruthy()
  }

  /** 403: the SDK asks for the union of what it has and what the challenge names. */
  async function stepUp(client: McpOAuthClient, mcpClient: Client): Promise<void> {
    await expect(callTool(mcpClient, 'write_file')).rejects.toThrow(UnauthorizedError)
    expect(mcp.statuses.at(-1)).toBe(403)
    expect(client.requests.at(-1)?.searchParams.get('scope')).toBe(UNION)
    const answer = await authorizeInBrowser(client, callback, page, async () => {
      expect(await page.getByRole('checkbox', { name: 'Read your files' }).isChecked()).toBe(true)
      expect(await page.locator('label', { hasText: 'Change your files' }).innerText()).toContain('new')
      expect(await page.locator('label', { hasText: 'Read your files' }).innerText()).not.toContain('new')
      await allow(page)
    })
    await createTransport(client).finishAuth(answer.searchParams)
    expect(client.granted).toMatchObject({ scope: UNION })
  }

  /** The SDK has no call for it: RFC 7009 by hand, with what the SDK holds. */
  async function revoke(client: McpOAuthClient): Promise<void> {
    const response = await fetch(`${server.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: client.registration?.client_id ?? '',
        token: client.granted?.refresh_token ?? '',
      }),
    })
    expect(response.status).toBe(200)
  }

  const createClient = () => new Client({ name: 'desk', version: '1.0.0' })
  const createTransport = (client: McpOAuthClient) =>
    new StreamableHTTPClientTransport(new URL(mcp.url), { authProvider: client })

  async function connect(client: McpOAuthClient): Promise<Client> {
    const mcpClient = createClient()
    await mcpClient.connect(createTransport(client))
    return mcpClient
  }
})

async function callTool(client: Client, name: string): Promise<unknown> {
  const { content } = await client.callTool({ name, arguments: {} })
  const [first] = content as { text: string }[]
  return first?.text
}
