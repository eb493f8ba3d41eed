import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Granted, grant, MCP_URL, refresh, registerServer } from '../support/flow.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

const DAY = 86_400
const OTHER_URL = 'https://other.example.com/mcp'

let server: TestServer

beforeAll(async () => {
  server = await createTestServer({ refreshTokenMaxTtl: 100 * DAY })
  await registerServer(server)
  await registerServer(server, { server_url: OTHER_URL, server_name: 'Other' })
})
afterAll(() => server.close())

describe('scope', () => {
  it('narrows this access token only, not the grant (RFC 6749 section 6)', async () => {
    const granted = await grant(server)
    const narrow = await refresh(server, granted, granted.tokens.refresh_token, { scope: 'files:read' })
    expect(narrow).toMatchObject({ status: 200, body: { scope: 'files:read' } })
    const next = await refresh(server, granted, narrow.body.refresh_token)
    expect(next.body['scope']).toBe('files:read files:write')
  })

  it.each(['files:read files:delete', 'openid', 'files:READ'])(
    '%s goes beyond the grant, and costs nothing',
    async (scope) => {
      const granted = await grant(server)
      const { status, body } = await refresh(server, granted, granted.tokens.refresh_token, { scope })
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_scope' })
      expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
    },
  )
})

describe('resource', () => {
  it.each([
    MCP_URL,
    `${MCP_URL}/`,
    'HTTPS://MCP.EXAMPLE.COM/mcp',
    'https://mcp.example.com:443/mcp',
    'https://mcp.example.com',
    'https://mcp.example.com/',
  ])('may be repeated as %s (claude-code#52871)', async (resource) => {
    const granted = await grant(server)
    const { status } = await refresh(server, granted, granted.tokens.refresh_token, { resource })
    expect(status).toBe(200)
  })

  it.each([OTHER_URL, 'https://mcp.example.com/other', 'http://mcp.example.com/mcp', 'nonsense'])(
    'may not be changed to %s, and that costs nothing',
    async (resource) => {
      const granted = await grant(server)
      const { status, body } = await refresh(server, granted, granted.tokens.refresh_token, { resource })
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_target' })
      expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
    },
  )
})

describe('whether the person may still use the server', () => {
  const ASK_AGAIN = 'The person or the client may not use this server any more.'
  const people = (assignment: string) =>
    server.database.database.runScript(`update auth_agent.users set ${assignment}`)

  it('is asked at each refresh, and no token is used up while they may not', async () => {
    const granted = await grant(server)
    await people('disabled_at = now()')
    const { status, body } = await refresh(server, granted, granted.tokens.refresh_token)
    expect({ status, ...body }).toEqual({ status: 400, error: 'invalid_grant', error_description: ASK_AGAIN })
    await people('disabled_at = null')
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })

  it('is asked of the access policy too', async () => {
    const granted = await grant(server)
    const policy = (mode: string) =>
      server.database.database.runScript(`update auth_agent.mcp_servers set access_mode = '${mode}'`)
    await policy('listed')
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body).toMatchObject({
      error: 'invalid_grant',
      error_description: ASK_AGAIN,
    })
    await policy('members')
    expect((await refresh(server, granted, granted.tokens.refresh_token)).status).toBe(200)
  })
})

describe('the life of a grant', () => {
  it('slides: 30 days from the last use', async () => {
    const granted = await grant(server)
    const token = await refreshEvery(29 * DAY, granted, 2)
    server.clock.advance(30 * DAY)
    expect((await refresh(server, granted, token)).body).toMatchObject({
      error: 'invalid_grant',
      error_description: 'The refresh token has expired. Sign in again.',
    })
  })

  it('ends at an absolute maximum, however often it is used', async () => {
    const granted = await grant(server)
    const token = await refreshEvery(24 * DAY, granted, 4)
    server.clock.advance(3 * DAY)
    const last = await refresh(server, granted, token)
    expect(last.status).toBe(200)
    server.clock.advance(DAY)
    expect((await refresh(server, granted, last.body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('ends in one answer, also long after the server has cleaned its row away', async () => {
    const granted = await grant(server)
    server.clock.advance(60 * DAY)
    await server.server.maintain()
    expect((await refresh(server, granted, granted.tokens.refresh_token)).body.error).toBe('invalid_grant')
  })
})

/** @returns the refresh token that is current afterwards */
async function refreshEvery(seconds: number, granted: Granted, times: number): Promise<string> {
  let token = granted.tokens.refresh_token
  for (let time = 0; time < times; time += 1) {
    server.clock.advance(seconds)
    const { status, body } = await refresh(server, granted, token)
    expect(status).toBe(200)
    token = body.refresh_token
  }
  return token
}
