import { beforeEach, describe, expect, test } from 'vitest'
import type { ProtectOptions } from './options.ts'
import { createFakeServer, type FakeServer, RESOURCE } from './testing/authorization_server.ts'
import { incoming } from './testing/request.ts'

let server: FakeServer
beforeEach(async () => {
  server = await createFakeServer()
})

/** The challenge to who sends a token with these claims, which introspection does not call active. */
async function challengeFor(claims: object, validation: ProtectOptions['validation']): Promise<string> {
  const token = await server.sign(claims)
  server.revoked.add(token)
  const headers = { Authorization: `Bearer ${token}` }
  const { answer } = await server.protect({ validation }).decide(incoming('/mcp', { headers }))
  expect(answer?.status).toBe(401)
  return answer?.headers['WWW-Authenticate'] ?? ''
}

describe.each(['introspect', 'local'] as const)('a token for another server, %s', (validation) => {
  test('the refusal names this server, in characters of RFC 6750 §3', async () => {
    const challenge = await challengeFor({ aud: 'https://other.example/"mcp' }, validation)
    const description = /error_description="([^"]*)"/.exec(challenge)?.[1]
    expect(description).toContain(`for another server. Ask for one for ${RESOURCE}`)
    expect(description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(challenge).not.toContain('other.example')
  })

  test('the operator is told of both, at most once a minute', async () => {
    const protection = server.protect({ validation })
    for (let request = 0; request < 10; request += 1) {
      const token = await server.sign({ aud: 'https://mcp.example/' })
      server.revoked.add(token)
      await protection.decide(incoming('/mcp', { headers: { Authorization: `Bearer ${token}` } }))
      server.platform.seconds += 7
    }
    expect(server.platform.warnings).toHaveLength(2)
    expect(server.platform.warnings[0]).toContain(
      `its aud is "https://mcp.example/" and this server is ${RESOURCE}:`,
    )
  })

  test.each([
    [`https://x.example/\r\n\u001b[31m${'x'.repeat(5_000)}`],
    [['https://x.example', { y: '\u2028'.repeat(500) }]],
    [42],
  ])('an audience fills no log, and forges none', async (aud) => {
    await challengeFor({ aud }, validation)
    expect(server.platform.warnings).toHaveLength(1)
    expect(server.platform.warnings[0]).toMatch(/^[\x20-\x7e]{50,500}$/)
  })
})

test('a token that is not active for another reason is told in general, and not to the operator', async () => {
  expect(await challengeFor({}, 'introspect')).toContain(
    `was revoked, or is not for this server, ${RESOURCE}.`,
  )
  expect(await challengeFor({ aud: ['https://other.example', RESOURCE] }, 'introspect')).toContain('revoked')
  expect(server.platform.warnings).toEqual([])
})
