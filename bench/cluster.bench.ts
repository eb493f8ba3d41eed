import { describe, it } from 'vitest'
import { main as build } from '../scripts/build.ts'
import { SET_UPS } from '../tests/support/cluster.ts'
import { grant, introspect, type RegisteredServer, refresh, registerServer } from '../tests/support/flow.ts'
import type { TestServer } from '../tests/support/server.ts'
import { statistics } from './statistics.ts'

const TIMES = Number(process.env['REVOCATIONS'] ?? 100)

/**
 * From the answer of the call that revokes a token at one of four processes to the first refusal at each of the other
 * three, which are asked again at once each time. They have just called the token good, and have read all denials.
 */
describe.each(SET_UPS)('%s', (name, start) => {
  it('from a revocation at one process to the first refusal at each of the others', async () => {
    await build()
    const cluster = await start()
    try {
      const mcp = await registerServer(cluster.balanced)
      const [first, ...others] = cluster.nodes
      const granted = await grant(first)
      const delays: number[] = []
      let current = granted.tokens.refresh_token
      for (let time = 0; time < TIMES; time += 1) {
        const { body } = await refresh(first, granted, current)
        current = body.refresh_token
        delays.push(...(await measure(first, others, mcp, granted.clientId, body.access_token)))
      }
      const within = (delays.filter((delay) => delay < 1_000).length / delays.length) * 100
      console.log(
        `${name}, ${TIMES} revocations at one, ${delays.length} refusals: ${statistics(delays, 'ms')}; under 1 s: ${within.toFixed(1)}%`,
      )
    } finally {
      await cluster.close()
    }
  })
})

async function measure(
  first: TestServer,
  others: readonly TestServer[],
  { key }: RegisteredServer,
  clientId: string,
  token: string,
): Promise<number[]> {
  const isActive = async (node: TestServer) => (await introspect(node, key, token))['active']
  for (const node of others) if (!(await isActive(node))) throw new Error('A good token is not active.')
  const body = new URLSearchParams({ token, client_id: clientId })
  const { status } = await first.fetch('/revoke', { method: 'POST', body })
  if (status !== 200) throw new Error(`The revocation was answered ${status}.`)
  const revokedAt = performance.now()
  return Promise.all(
    others.map(async (node) => {
      while ((await isActive(node)) !== false);
      return performance.now() - revokedAt
    }),
  )
}
