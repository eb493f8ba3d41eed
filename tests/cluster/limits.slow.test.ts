import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { type Cluster, SET_UPS } from '../support/cluster.ts'
import type { TestServer } from '../support/server.ts'
import { startValkey, type Valkey } from '../support/valkey.ts'

beforeAll(() => build())

/** A wrong password, from an address, for an account. */
async function guess(node: TestServer, clientAddress: string, email: string): Promise<Page> {
  const browser = createBrowser(node, clientAddress)
  const page = await browser.open('/sign-in')
  return browser.submit(page, { email, password: 'not the password' }, '/sign-in')
}

const someone = () => `${randomUUID()}@example.com`

/** Limits agree on all nodes when they are counted in a Valkey; `agreement.slow.test.ts` shows the same of PostgreSQL. */
describe.each(SET_UPS)('%s, and one Valkey', (_name, start) => {
  let valkey: Valkey
  let cluster: Cluster

  beforeAll(async () => {
    valkey = await startValkey()
    cluster = await start({ REDIS_URL: valkey.url })
  })
  afterAll(async () => {
    await cluster?.close()
    await valkey.stop()
  })

  it('guesses at one account, from whichever address, at whichever node, are counted together', async () => {
    const email = someone()
    const guesses = Array.from({ length: 20 }, (_, index) =>
      guess(cluster.nodes[index % 4] ?? cluster.balanced, `198.51.100.${index}`, email),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(10)
    for (const node of cluster.nodes) {
      const refused = await guess(node, '203.0.113.1', email)
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
      expect((await guess(node, '203.0.113.1', someone())).status).toBe(401)
    }
  })

  it('guesses from one address, or one /64, are counted together, and those of others apart', async () => {
    const addresses = ['2001:db8:0:5::1', '2001:db8:0:5:ffff::2', '2001:DB8::5:0:0:0:3']
    const statuses: number[] = []
    for (let count = 0; count < 60; count += 4) {
      const address = addresses[count % 3] as string
      const answers = await Promise.all(cluster.nodes.map((node) => guess(node, address, someone())))
      statuses.push(...answers.map(({ status }) => status))
    }
    expect(statuses.filter((status) => status === 401)).toHaveLength(50)
    for (const node of cluster.nodes) {
      expect((await guess(node, '2001:db8:0:5::9', someone())).status).toBe(429)
      expect((await guess(node, '2001:db8:0:6::9', someone())).status).toBe(401)
    }
  })

  it('the database counts nothing', async () => {
    const text = 'select count(*)::int as count from auth_agent.attempt_counters'
    const rows = await cluster.database.database.query<{ count: number }>({ name: 'count_attempts', text })
    expect(rows).toEqual([{ count: 0 }])
  })
})
