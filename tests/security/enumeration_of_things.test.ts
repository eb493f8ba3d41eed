import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { basic, createSignedInBrowser, invite, postForm, postJson } from '../support/attacker.ts'
import { createAuthenticator } from '../support/authenticator.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import {
  authorizeUrl,
  createPkce,
  grant,
  type RegisteredServer,
  registerClient,
  registerServer,
} from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

/** What is different in any two answers: random values. */
function normal(text: string): string {
  return text.replace(/[\w-]{43}/g, 'TOKEN').replace(/req_\w+/g, 'REQUEST')
}

describe('CWE-204: what answers tell of keys, clients, servers, tokens and accounts', () => {
  let server: TestServer
  let mcp: RegisteredServer
  beforeAll(async () => {
    server = await createTestServer()
    mcp = await registerServer(server)
  })
  afterAll(() => server.close())

  async function describeAnswer(response: Response) {
    return [response.status, normal(await response.text()), response.headers.get('WWW-Authenticate')]
  }

  it('an API key that exists with a wrong secret is answered as one that does not exist', async () => {
    const [, id = ''] = /^sk_([a-z2-7]+)_/.exec(mcp.key) ?? []
    const { key_id, key_secret } = await server.manage<{ key_id: string; key_secret: string }>(
      'POST',
      `/servers/${mcp.server_id}/keys`,
      { name: 'revoked' },
    )
    await server.manage('DELETE', `/servers/${mcp.server_id}/keys/${key_id}`)
    const [, revokedId = ''] = /^sk_([a-z2-7]+)_/.exec(key_secret) ?? []
    const ask = async (keyId: string) =>
      describeAnswer(
        await postForm(
          server,
          '/introspect',
          { token: 'x' },
          { Authorization: `Bearer sk_${keyId}_${'A'.repeat(43)}` },
        ),
      )
    const missing = await ask('a'.repeat(26))
    expect(missing[0]).toBe(401)
    expect([await ask(id), await ask(revokedId)]).toEqual([missing, missing])
  })

  it('every token that is not active is answered alike', async () => {
    const other = await registerServer(server, {
      server_url: 'https://other.example/mcp',
      server_name: 'Other',
    })
    const { tokens, clientId } = await grant(server, {
      parameters: { resource: 'https://other.example/mcp' },
    })
    const { tokens: revoked } = await grant(server, {
      parameters: { resource: 'https://mcp.example.com/mcp' },
    })
    await postForm(server, '/revoke', { client_id: clientId, token: revoked.refresh_token })
    const answers = new Set<string>()
    for (const token of [
      tokens.access_token,
      tokens.refresh_token,
      revoked.access_token,
      'x',
      other.key,
      'a.b.c',
    ]) {
      const response = await postForm(
        server,
        '/introspect',
        { token },
        { Authorization: `Bearer ${mcp.key}` },
      )
      answers.add(JSON.stringify([response.status, await response.text(), [...response.headers.keys()]]))
    }
    expect([...answers]).toEqual([expect.stringContaining('{\\"active\\":false}')])
  })

  it('a passkey that is not known, one of somebody else, and a wrong signature are answered alike', async () => {
    const answer = async (wrong: object) => {
      const browser = createBrowser(server)
      const csrf = (await browser.open('/sign-in')).form('/sign-in').fields.get('csrf') ?? ''
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const headers = { Cookie: cookie, Origin: server.issuer, 'X-CSRF-Token': csrf }
      const begun = await postJson(server, '/passkeys/authentication/options', {}, headers)
      const { options, ceremony } = (await begun.json()) as {
        options: { challenge: string }
        ceremony: string
      }
      const response = createAuthenticator(server.issuer).get(options, wrong)
      return describeAnswer(
        await postJson(server, '/passkeys/authentication', { ceremony, response }, headers),
      )
    }
    const [unknown, forged] = [
      await answer({ userHandle: 'AAAA' }),
      await answer({ userHandle: 'BBBB', wrongKey: true }),
    ]
    expect(unknown[0]).toBe(401)
    expect(forged).toEqual(unknown)
  })

  it('an address without an account is limited like one that has one', async () => {
    const statuses = async (email: string, network: string) => {
      const all: number[] = []
      for (let round = 0; round < 13; round += 1) {
        const browser = createBrowser(server, `${network}.${round}`)
        const page = await browser.submit(
          await browser.open('/sign-in'),
          { email, password: `wrong ${round}` },
          '/sign-in',
        )
        all.push(page.status)
      }
      return all
    }
    const known = await statuses(OWNER.email, '192.0.2')
    expect(known).toContain(429)
    expect(await statuses('nobody@example.com', '198.51.100')).toEqual(known)
    server.clock.advance(901)
  })

  it('a person who was removed is answered as somebody with a wrong password, or as before', async () => {
    const guest = await invite(server, 'guest@example.com')
    const { members } = await server.manage<{ members: { email: string; user_id: string }[] }>(
      'GET',
      '/members',
    )
    await server.manage('DELETE', `/members/${members.find(({ email }) => email === guest.email)?.user_id}`)
    const attempt = async (email: string): Promise<unknown[]> => {
      const browser = createBrowser(server)
      const page = await browser.submit(
        await browser.open('/sign-in'),
        { email, password: 'wrong one' },
        '/sign-in',
      )
      return [page.status, normal(page.html.toString()).replaceAll(email, 'EMAIL')]
    }
    expect(await attempt(guest.email)).toEqual(await attempt('nobody@example.com'))
  })

  it('a login_hint tells nothing of whether there is such an account', async () => {
    const id = await registerClient(server)
    const pkce = createPkce()
    const open = async (login_hint: string) => {
      const page: Page = await createBrowser(server).open(authorizeUrl(id, pkce, { login_hint }))
      return [page.status, normal(page.html.toString()).replaceAll(login_hint, 'EMAIL')]
    }
    expect(await open(OWNER.email)).toEqual(await open('nobody@example.com'))
  })

  it('somebody who is not signed in learns nothing of who may use a server', async () => {
    await registerServer(server, {
      server_url: 'https://secret.example/mcp',
      server_name: 'Secret',
      access: { emails: ['vip@example.com'], domains: [] },
    })
    const id = await registerClient(server)
    const page = await createBrowser(server).open(
      authorizeUrl(id, createPkce(), { resource: 'https://secret.example/mcp' }),
    )
    expect(page.html.toString()).not.toContain('vip@example.com')
    expect(page.html.querySelector('form[action$="/sign-in"]')).not.toBeNull()
  })

  it('who may not use a server is not told who may', async () => {
    const guest = await invite(server, 'curious@example.com')
    const { browser } = await createSignedInBrowser(server, guest)
    const id = await registerClient(server)
    const page = await browser.open(
      authorizeUrl(id, createPkce(), { resource: 'https://secret.example/mcp' }),
    )
    expect(page.status).toBe(403)
    expect(page.html.toString()).not.toMatch(/vip@example\.com|owner@example\.com/)
  })

  it('a client that is not managed, does not exist, or has another token is answered alike (RFC 7592 §3)', async () => {
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      redirect_uris: ['https://app.example/'],
    })
    const ask = async (id: string) =>
      describeAnswer(
        await server.fetch(`/register/${id}`, { headers: { Authorization: `Bearer ${'A'.repeat(43)}` } }),
      )
    const missing = await ask('cli_aaaaaaaaaaaaaaaaaaaaaaaaaa')
    expect(missing[0]).toBe(401)
    expect([await ask(client_id), await ask(await registerClient(server))]).toEqual([missing, missing])
  })

  it('the metadata and the home page list no server, no client and no account', async () => {
    const { client_id } = await server.manage<{ client_id: string }>('POST', '/clients', {
      redirect_uris: ['https://app.example/'],
    })
    for (const path of [
      '/',
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-protected-resource',
      '/health',
      '/ready',
      '/api/openapi.json',
      '/metrics',
      '/sign-in',
    ]) {
      const text = await (await server.fetch(path)).text()
      expect([
        path,
        /mcp\.example\.com|other\.example|owner@example|srv_[a-z2-7]{26}/.exec(
          text.replaceAll(/srv_k3vqk5yw2c7m4d6r5t2a7xj3n4/g, ''),
        )?.[0],
      ]).toEqual([
        path,
        path === '/api/openapi.json' ? expect.toBeOneOf([undefined, 'mcp.example.com']) : undefined,
      ])
      expect(text).not.toContain(client_id)
    }
  })

  it('no answer names the software under it, with its version', async () => {
    for (const path of ['/', '/token', '/nothing', '/api/servers', '/health', '/authorize']) {
      const response = await server.fetch(path, { method: path === '/token' ? 'POST' : 'GET' })
      const all = JSON.stringify([...response.headers]) + (await response.text())
      expect(response.headers.get('X-Powered-By')).toBeNull()
      expect(all).not.toMatch(/hono|node\/?\d|postgres|express|zod|jose/i)
    }
  })

  it('a confidential client’s id and a wrong secret tell nothing of the right one', async () => {
    const { client_id, client_secret } = await server.manage<{ client_id: string; client_secret: string }>(
      'POST',
      '/clients',
      {
        redirect_uris: ['https://app.example/'],
      },
    )
    const ask = async (secret: string) =>
      describeAnswer(
        await postForm(
          server,
          '/token',
          { grant_type: 'refresh_token', refresh_token: 'x' },
          basic(client_id, secret),
        ),
      )
    const wrong = await ask('wrong')
    expect(wrong[0]).toBe(401)
    expect(await ask(client_secret.slice(0, -1))).toEqual(wrong)
    expect(await ask(`${client_secret}x`)).toEqual(wrong)
  })
})
