import { describe, expect, it } from 'vitest'
import { greet } from './greeting.ts'

const USUAL = { issuer: 'http://localhost:8787', allowLoopbackFetch: false }

describe('the greeting', () => {
  it('says where the server is and how to protect a server of one’s own', () => {
    const text = greet(USUAL, undefined, undefined)
    expect(text).toContain('http://localhost:8787')
    expect(text).toContain(
      'from auth_agent_mcp import AuthAgentMiddleware\n  app.add_middleware(AuthAgentMiddleware, server_id="srv_abc123", api_key="sk_xyz789")\n  # request.state.user_email',
    )
    expect(text).not.toMatch(/owner|inbox|ALLOW_LOOPBACK_FETCH|undefined/)
  })

  it('names the server where it is not at its usual place', () => {
    const text = greet({ ...USUAL, issuer: 'https://auth.example.com' }, undefined, undefined)
    expect(text).toContain('AuthAgentMiddleware, auth_server="https://auth.example.com", server_id=')
  })

  it('has the owner’s link, the inbox and the warning where they apply', () => {
    const text = greet({ ...USUAL, allowLoopbackFetch: true }, 'http://localhost:8787/setup?token=t', 's')
    expect(text).toContain('  http://localhost:8787/setup?token=t\n')
    expect(text).toContain('  http://localhost:8787/dev/inbox?secret=s\n')
    expect(text).toContain('ALLOW_LOOPBACK_FETCH is on')
  })
})
