import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exchange, invite, obtainCode, WEB_REDIRECT_URI } from '../support/attacker.ts'
import { createBrowser } from '../support/browser.ts'
import { createPkce, REDIRECT_URI, registerClient, registerServer } from '../support/flow.ts'
import { createTestServer, OWNER, type TestServer } from '../support/server.ts'

describe('RFC 9700 §4.5: authorization code injection', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
  })
  afterAll(() => server.close())

  it('control: the honest client exchanges its code, with and without repeating the redirect_uri', async () => {
    expect((await exchange(server, await obtainCode(server))).status).toBe(200)
    const repeated = await exchange(server, await obtainCode(server), { redirect_uri: REDIRECT_URI })
    expect(repeated.status).toBe(200)
  })

  it('a stolen code with the verifier of the attacker’s own session is refused, and stays good (RFC 7636 §4.6)', async () => {
    const stolen = await obtainCode(server)
    const injected = await exchange(server, { ...stolen, pkce: createPkce() })
    expect(injected).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchange(server, stolen)).status).toBe(200)
  })

  it('a code of one session in another session of the same client is refused by the other’s verifier', async () => {
    const clientId = await registerClient(server)
    const guest = await invite(server, 'guest@example.com')
    const victim = await obtainCode(server, { clientId, person: OWNER })
    const attacker = await obtainCode(server, { clientId, person: guest, browser: createBrowser(server) })
    const swapped = await exchange(server, { ...attacker, code: victim.code })
    expect(swapped).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchange(server, attacker)).status).toBe(200)
  })

  it('a stolen code at another public client, even with its verifier, is refused (RFC 6749 §4.1.3)', async () => {
    const stolen = await obtainCode(server)
    const other = await registerClient(server, { client_name: 'Attacker' })
    const injected = await exchange(server, { ...stolen, clientId: other })
    expect(injected).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchange(server, stolen)).status).toBe(200)
  })

  it('a stolen code of a public client at a confidential client is refused', async () => {
    const stolen = await obtainCode(server)
    const other = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      client_name: 'Attacker',
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: 'client_secret_post',
    })
    const injected = await exchange(server, stolen, {
      client_id: other.client_id,
      client_secret: other.client_secret,
    })
    expect(injected).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('a stolen code of a confidential client without its secret is refused with invalid_client', async () => {
    const client = await server.manage<{ client_id: string; client_secret: string }>('POST', '/clients', {
      client_name: 'Confidential',
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: 'client_secret_post',
    })
    const stolen = await obtainCode(server, {
      clientId: client.client_id,
      parameters: { redirect_uri: WEB_REDIRECT_URI },
    })
    for (const client_secret of [undefined, 'guessed', '', `${client.client_secret}x`]) {
      const refused = await exchange(server, stolen, { client_secret })
      expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    }
    expect((await exchange(server, stolen, { client_secret: client.client_secret })).status).toBe(200)
  })

  it.each([
    ['another registered one', 'http://127.0.0.1:33418/other'],
    ['another port', 'http://127.0.0.1:33419/callback'],
    ['another spelling', 'http://127.0.0.1:33418/callback/'],
    ['a stranger’s', 'https://attacker.example/callback'],
  ])('a code exchanged with %s as redirect_uri is refused (RFC 6749 §4.1.3)', async (_name, uri) => {
    const clientId = await registerClient(server, {
      redirect_uris: [REDIRECT_URI, 'http://127.0.0.1:33418/other'],
    })
    const obtained = await obtainCode(server, { clientId })
    const refused = await exchange(server, obtained, { redirect_uri: uri })
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchange(server, obtained, { redirect_uri: REDIRECT_URI })).status).toBe(200)
  })

  it('a code is good for a minute, and not a second longer', async () => {
    const [early, late] = [await obtainCode(server), await obtainCode(server)]
    server.clock.advance(59)
    expect((await exchange(server, early)).status).toBe(200)
    server.clock.advance(2)
    expect(await exchange(server, late)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('a code of a session that was signed out meanwhile is refused', async () => {
    const [kept, left] = [await obtainCode(server), await obtainCode(server)]
    await left.browser.submit(await left.browser.open('/account'), {}, '/logout')
    expect(await exchange(server, left)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await exchange(server, kept)).status).toBe(200)
  })

  it('a code of a person who was removed meanwhile is refused', async () => {
    const guest = await invite(server, 'removed@example.com')
    const obtained = await obtainCode(server, { person: guest })
    const { members } = await server.manage<{ members: { user_id: string; email: string }[] }>(
      'GET',
      '/members',
    )
    const member = members.find(({ email }) => email === guest.email)
    await server.manage('DELETE', `/members/${member?.user_id}`)
    expect(await exchange(server, obtained)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('a guessed, mangled or truncated code is refused and told nothing about', async () => {
    const obtained = await obtainCode(server)
    const { code } = obtained
    const guesses = [
      code.slice(0, -1),
      `${code}A`,
      code.toLowerCase(),
      ` ${code}`,
      `${code}=`,
      'A'.repeat(43),
      "'",
    ]
    for (const guess of guesses.filter((one) => one !== code)) {
      const refused = await exchange(server, { ...obtained, code: guess })
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    }
    expect((await exchange(server, obtained)).status).toBe(200)
  })
})
