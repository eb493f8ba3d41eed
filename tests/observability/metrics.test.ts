import { describe, expect, it } from 'vitest'
import { createBrowser } from '../support/browser.ts'
import { grant, introspect, refresh, registerServer, requestToken } from '../support/flow.ts'
import { startObservedServer } from '../support/observed_server.ts'

const TOKEN = 'a-token-for-scrapes-0123456789'

describe('the numbers of /metrics', () => {
  it('count what became of a flow', async () => {
    const server = await startObservedServer()
    const mcp = await registerServer(server)
    const granted = await grant(server)
    const refreshed = await refresh(server, granted, granted.tokens.refresh_token)
    await introspect(server, mcp.key, refreshed.body.access_token)
    await introspect(server, mcp.key, 'rubbish')
    await refresh(server, granted, 'rt_forged')
    await server.fetch('/revoke', {
      method: 'POST',
      body: new URLSearchParams({ token: refreshed.body.refresh_token, client_id: granted.clientId }),
    })
    await refresh(server, granted, refreshed.body.refresh_token)

    const { sum } = await server.scrape()
    expect(sum('auth_agent_tokens_issued_total', { grant_type: 'authorization_code' })).toBe(1)
    expect(sum('auth_agent_tokens_issued_total', { grant_type: 'refresh_token' })).toBe(1)
    expect(sum('auth_agent_refresh_tokens_presented_total', { outcome: 'rotated' })).toBe(1)
    expect(sum('auth_agent_refresh_tokens_presented_total', { outcome: 'forged' })).toBe(1)
    expect(sum('auth_agent_refresh_tokens_presented_total', { outcome: 'revoked' })).toBe(1)
    expect(sum('auth_agent_refusals_total', { route: '/token', error: 'invalid_grant' })).toBe(2)
    expect(sum('auth_agent_grants_revoked_total', { reason: 'client_request' })).toBe(1)
    expect(sum('auth_agent_sign_ins_total', { method: 'password', outcome: 'succeeded' })).toBe(1)
    expect(sum('auth_agent_introspections_total', { active: 'true' })).toBe(1)
    expect(sum('auth_agent_introspections_total', { active: 'false' })).toBe(1)
    expect(sum('auth_agent_request_duration_seconds_count', { route: '/token', status: '2xx' })).toBe(2)
    expect(sum('auth_agent_request_duration_seconds_count', { route: '/token', status: '4xx' })).toBe(2)
    expect(sum('auth_agent_denials')).toBe(1)
    expect(sum('auth_agent_database_statement_duration_seconds_count')).toBeGreaterThan(10)
    expect(sum('auth_agent_signing_key_age_seconds', { alg: 'ES256' })).toBeGreaterThanOrEqual(0)
    expect(sum('process_resident_memory_bytes')).toBeGreaterThan(0)
    expect(sum('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0)
  })

  it('count lost responses and thefts of refresh tokens apart', async () => {
    const server = await startObservedServer()
    await registerServer(server)
    const granted = await grant(server)
    const second = await refresh(server, granted, granted.tokens.refresh_token)
    server.clock.advance(120)
    await refresh(server, granted, granted.tokens.refresh_token)
    await refresh(server, granted, second.body.refresh_token)
    server.clock.advance(120)
    await refresh(server, granted, granted.tokens.refresh_token)

    const { sum } = await server.scrape()
    const presented = (outcome: string) => sum('auth_agent_refresh_tokens_presented_total', { outcome })
    expect([presented('rotated'), presented('repeated'), presented('theft')]).toEqual([2, 1, 1])
    expect(sum('auth_agent_grants_revoked_total', { reason: 'theft' })).toBe(1)
  })

  it('count sign-ins that fail, and attempts beyond their budget', async () => {
    const server = await startObservedServer()
    const browser = createBrowser(server)
    for (let attempt = 0; attempt < 11; attempt += 1)
      await browser.submit(
        await browser.open('/sign-in'),
        { email: 'a@example.com', password: 'wrong' },
        '/sign-in',
      )
    const { sum } = await server.scrape()
    expect(sum('auth_agent_sign_ins_total', { method: 'password', outcome: 'failed' })).toBe(10)
    expect(sum('auth_agent_rate_limited_total', { route: '/sign-in' })).toBe(1)
  })

  it('have labels of our own words only, whatever strangers send', async () => {
    const server = await startObservedServer()
    const before = await server.scrape()
    for (let n = 0; n < 20; n += 1) {
      await server.fetch(`/stranger-${n}`)
      await server.fetch(`/register/stranger-${n}`)
      await server.fetch(`/assets/stranger-${n}`)
      await server.fetch(`/api/servers/stranger-${n}`)
      await requestToken(server, { grant_type: `stranger-${n}`, client_id: `stranger-${n}` })
      await server.fetch('/token', {
        method: 'PROPFIND',
        headers: { Origin: `https://stranger-${n}.example` },
      })
    }
    const { samples, sum } = await server.scrape()
    expect(JSON.stringify(samples)).not.toContain('stranger')
    const routes = new Set(samples.map(({ labels }) => labels['route']).filter(Boolean))
    expect([...routes].toSorted()).toEqual(
      ['/api/*', '/assets/*', '/register/:clientId', '/token', 'unmatched'].toSorted(),
    )
    expect(sum('auth_agent_request_duration_seconds_count', { method: 'other' })).toBe(20)
    expect(samples.length - before.samples.length).toBeLessThan(150)
  })

  it('know the routes of the management API by their patterns', async () => {
    const server = await startObservedServer()
    const mcp = await registerServer(server)
    const { sum } = await server.scrape()
    const count = 'auth_agent_request_duration_seconds_count'
    expect(sum(count, { route: '/api/servers', method: 'POST', status: '2xx' })).toBe(1)
    expect(sum(count, { method: 'POST', status: '2xx' })).toBe(2)
    expect(JSON.stringify((await server.scrape()).samples)).not.toContain(mcp.server_id)
  })
})

describe('/metrics', () => {
  it('is on a port of its own, and not on that of the server', async () => {
    const server = await startObservedServer()
    expect((await fetch(server.metricsUrl)).headers.get('Content-Type')).toContain('version=0.0.4')
    expect((await server.fetch('/metrics')).status).toBe(404)
  })

  it('is on the main port for who presents the token', async () => {
    const server = await startObservedServer({ token: TOKEN, onMainPort: true })
    await server.fetch('/health')
    expect(
      (await server.scrape()).sum('auth_agent_request_duration_seconds_count', { route: '/health' }),
    ).toBe(1)
    for (const Authorization of ['', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}0`]) {
      const refused = await server.fetch('/metrics', { headers: { Authorization } })
      expect(refused.status).toBe(401)
      expect(refused.headers.get('WWW-Authenticate')).toBe('Bearer')
      expect(await refused.text()).not.toContain('auth_agent')
    }
  })

  it('asks for the token on its own port as well, where one is set', async () => {
    const server = await startObservedServer({ token: TOKEN })
    expect((await fetch(server.metricsUrl)).status).toBe(401)
    expect((await server.scrape()).types.size).toBeGreaterThan(10)
  })
})
