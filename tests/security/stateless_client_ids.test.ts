import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { authorizeUrl, createPkce, registerClient, registerServer, requestToken } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

describe('attacks on client ids that carry their own metadata', () => {
  let server: TestServer
  let clientId: string

  beforeAll(async () => {
    server = await createTestServer()
    await registerServer(server)
    clientId = await registerClient(server)
  })
  afterAll(() => server.close())

  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const tokenError = async (client_id: string) => {
    const parameters = {
      grant_type: 'authorization_code',
      client_id,
      code: 'x',
      code_verifier: 'v'.repeat(43),
    }
    const { status, body } = await requestToken(server, parameters)
    return [status, body.error]
  }

  function forgeries(): [string, string][] {
    const [payload = '', mac = ''] = clientId.slice('dcr_'.length).split('.')
    const { metadata } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { metadata: object }
    const changed = encode({ metadata: { ...metadata, redirect_uris: ['https://evil.example/'] } })
    return [
      ['another redirect URI under the same MAC', `dcr_${changed}.${mac}`],
      ['a MAC of zeros', `dcr_${payload}.${'A'.repeat(43)}`],
      ['a MAC that was cut', `dcr_${payload}.${mac.slice(0, 20)}`],
      ['no MAC', `dcr_${payload}`],
      ['a payload that was cut', `dcr_${payload.slice(0, -2)}.${mac}`],
      ['the same id with something after it', `${clientId}A`],
      ['the same id in upper case', clientId.toUpperCase()],
      ['more than a kilobyte', `dcr_${'A'.repeat(2000)}.${mac}`],
      ['no JSON', `dcr_${Buffer.from('{').toString('base64url')}.${mac}`],
    ]
  }

  it('the id that is not attacked is known', async () => {
    expect(await tokenError(clientId)).toEqual([400, 'invalid_grant'])
  })

  it('a forged one is unknown, at the token endpoint and on the page', async () => {
    for (const [what, forged] of forgeries()) {
      expect(await tokenError(forged), what).toEqual([401, 'invalid_client'])
      const page = await createBrowser(server).open(
        authorizeUrl(forged, createPkce(), { redirect_uri: 'https://evil.example/' }),
      )
      expect([page.status >= 400, page.leftTo], what).toEqual([true, undefined])
    }
  })

  it('one of another server is unknown', async () => {
    const other = await createTestServer()
    expect(await tokenError(await registerClient(other))).toEqual([401, 'invalid_client'])
    await other.close()
  })

  it('nobody gets the secret of a confidential one from its id, and a public one has none', async () => {
    const body = JSON.stringify({ redirect_uris: ['https://app.example.com/'], client_name: 'App' })
    const headers = { 'Content-Type': 'application/json' }
    const registered = await (await server.fetch('/register', { method: 'POST', body, headers })).json()
    const { client_id, client_secret } = registered as { client_id: string; client_secret: string }
    const attempt = (secret?: string) =>
      requestToken(server, {
        grant_type: 'refresh_token',
        refresh_token: 'rt_x',
        client_id,
        ...(secret !== undefined && { client_secret: secret }),
      })
    expect((await attempt(client_secret)).body.error).toBe('invalid_grant')
    for (const secret of [undefined, 'wrong', client_id.split('.')[1], client_secret.slice(1)]) {
      expect((await attempt(secret)).body.error).toBe('invalid_client')
    }
  })

  it('registering a thousand times writes nothing', async () => {
    const count = async () => {
      const text = `select (select count(*) from auth_agent.clients)::int + (select count(*) from auth_agent.audit_events)::int as count`
      return (await server.database.database.query<{ count: number }>({ name: 'count_written', text }))[0]
        ?.count
    }
    const before = await count()
    for (let i = 0; i < 1000; i += 1) await registerClient(server, { client_name: `Client ${i}` })
    expect(await count()).toBe(before)
  })
})
