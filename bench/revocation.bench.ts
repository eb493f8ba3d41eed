import { describe, it } from 'vitest'
import { type Example, filesystem, notes, type Validation } from '../tests/interop/servers/example_servers.ts'
import { pingWithToken } from '../tests/interop/servers/requests.ts'
import { createBrowser } from '../tests/support/browser.ts'
import { grant } from '../tests/support/flow.ts'
import { startListeningServer } from '../tests/support/listening_server.ts'
import { statistics } from './statistics.ts'

const TIMES = Number(process.env['REVOCATIONS'] ?? 100)

/**
 * How long a revoked token goes on working: from the answer of the call that revokes it to the first request that is
 * refused, asked again at once each time. The token has just been used, so every cache holds it.
 */
describe.each([filesystem, notes])('$name', (example) => {
  it.each(['introspect', 'local'] as const)(
    '%s: from a revocation to the first refusal',
    async (validation) => {
      const delays = await measure(example, validation)
      console.log(`${example.name}, ${validation}, ${TIMES} revocations: ${statistics(delays, 'ms')}`)
    },
  )
})

async function measure(example: Example, validation: Validation): Promise<number[]> {
  const authServer = await startListeningServer()
  const server = await example.start(authServer, validation)
  const browser = createBrowser(authServer)
  const delays: number[] = []
  try {
    for (let time = 0; time < TIMES; time += 1) {
      const parameters = { resource: server.url, scope: example.scopes.read }
      const { tokens, clientId } = await grant(authServer, { parameters, browser })
      for (let use = 0; use < 3; use += 1) await expectGood(server.url, tokens.access_token)
      const body = new URLSearchParams({ token: tokens.refresh_token, client_id: clientId })
      const { status } = await fetch(`${authServer.issuer}/revoke`, { method: 'POST', body })
      if (status !== 200) throw new Error(`The revocation was answered ${status}.`)
      const revokedAt = performance.now()
      while ((await ask(server.url, tokens.access_token)) !== 401);
      delays.push(performance.now() - revokedAt)
    }
  } finally {
    await server.close()
    await authServer.close()
  }
  return delays
}

async function expectGood(url: string, token: string): Promise<void> {
  const status = await ask(url, token)
  if (status === 401 || status === 503) throw new Error(`A good token was answered ${status}.`)
}

async function ask(url: string, token: string): Promise<number> {
  const response = await pingWithToken(url, token)
  await response.body?.cancel()
  return response.status
}
