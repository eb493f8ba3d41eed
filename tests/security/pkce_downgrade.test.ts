import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange, obtainCode } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { authorize, authorizeUrl, createPkce, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

describe('RFC 9700 §4.8: PKCE downgrade', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  /** The error that an authorization request gets, at the client. */
  async function errorOf(parameters: Record<string, string | readonly string[] | undefined>) {
    const page = await createBrowser(server).open(authorizeUrl(clientId, createPkce(), parameters))
    return page.leftTo?.searchParams.get('error')
  }

  it('control: S256 is accepted', async () => {
    const sentTo = await authorize(server, authorizeUrl(clientId, createPkce()))
    expect(sentTo.searchParams.get('code')).toMatch(/^[\w-]{43}$/)
  })

  it('a request whose challenge the attacker removed is refused (RFC 9700 §2.1.1)', async () => {
    expect(await errorOf({ code_challenge: undefined, code_challenge_method: undefined })).toBe(
      'invalid_request',
    )
    expect(await errorOf({ code_challenge: undefined })).toBe('invalid_request')
    expect(await errorOf({ code_challenge: '' })).toBe('invalid_request')
  })

  it('the method plain is refused (MCP authorization: S256)', async () => {
    const { verifier } = createPkce()
    expect(await errorOf({ code_challenge: verifier, code_challenge_method: 'plain' })).toBe(
      'invalid_request',
    )
  })

  it('a missing method, which RFC 7636 §4.3 reads as plain, is refused', async () => {
    expect(await errorOf({ code_challenge_method: undefined })).toBe('invalid_request')
    expect(await errorOf({ code_challenge_method: '' })).toBe('invalid_request')
  })

  it.each(['s256', 'S256 ', 'S512', 'S256 plain', 'none', 'PLAIN'])(
    'the method %j is refused',
    async (method) => {
      expect(await errorOf({ code_challenge_method: method })).toBe('invalid_request')
    },
  )

  it.each([
    ['of another length', 'A'.repeat(42)],
    ['too long', 'A'.repeat(44)],
    ['with padding', `${'A'.repeat(43)}=`],
    ['in base64 that is not url-safe', `${'A'.repeat(41)}+/`],
  ])('a challenge %s is no SHA-256 and is refused', async (_name, challenge) => {
    expect(await errorOf({ code_challenge: challenge })).toBe('invalid_request')
  })

  it('an exchange without a verifier is refused', async () => {
    const obtained = await obtainCode(server, { clientId })
    const refused = await exchange(server, obtained, { code_verifier: undefined })
    expect(refused.status).toBe(400)
    expect(['invalid_request', 'invalid_grant']).toContain(refused.body.error)
    expect((await exchange(server, obtained)).status).toBe(200)
  })

  it('an exchange with an empty verifier is refused, also where the challenge is that of the empty text', async () => {
    const challenge = createHash('sha256').update('').digest('base64url')
    const pkce = { verifier: '', challenge }
    const sentTo = await authorize(server, authorizeUrl(clientId, pkce))
    const code = sentTo.searchParams.get('code') ?? ''
    expect((await exchange(server, { clientId, code, pkce })).status).toBe(400)
  })

  it('an exchange with the challenge itself as the verifier is refused', async () => {
    const obtained = await obtainCode(server, { clientId })
    const { challenge } = obtained.pkce
    const refused = await exchange(server, { ...obtained, pkce: { verifier: challenge, challenge } })
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it.each([
    ['a short verifier', 'a'.repeat(42)],
    ['a long verifier', 'a'.repeat(129)],
    ['a verifier of other characters', `${'a'.repeat(42)} `],
  ])('%s is refused although it fits the challenge (RFC 7636 §4.1)', async (_name, verifier) => {
    const pkce = { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
    const sentTo = await authorize(server, authorizeUrl(clientId, pkce))
    const code = sentTo.searchParams.get('code') ?? ''
    expect(code).not.toBe('')
    expect((await exchange(server, { clientId, code, pkce })).status).toBe(400)
  })

  it('a confidential client, too, must use PKCE (OAuth 2.1 §7.5.1)', async () => {
    const client = await server.manage<{ client_id: string }>('POST', '/clients', {
      client_name: 'Confidential',
      redirect_uris: ['https://app.example/callback'],
    })
    const url = authorizeUrl(client.client_id, createPkce(), {
      redirect_uri: 'https://app.example/callback',
      code_challenge: undefined,
      code_challenge_method: undefined,
    })
    const page = await createBrowser(server).open(url)
    expect(page.leftTo?.searchParams.get('error')).toBe('invalid_request')
  })

  it('the metadata offers S256 only, so that clients can refuse a downgrade (MCP authorization)', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const metadata = await (await server.fetch(`/.well-known/${name}`)).json()
      expect(metadata).toMatchObject({ code_challenge_methods_supported: ['S256'] })
    }
  })
})
