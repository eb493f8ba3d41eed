import { afterAll, beforeAll, expect, it } from 'vitest'
import { denialStorage } from '../../server/src/storage/denials.ts'
import { createTwoNodes, isActive, issue, type TwoNodes } from './nodes.ts'

/** More than two pages. */
const MANY = 12_000

let nodes: TwoNodes
beforeAll(async () => {
  nodes = await createTwoNodes()
})
afterAll(() => nodes.test.drop())

/** In one transaction, as the removal of a client does that many use. */
function denyMany(name: string): Promise<void> {
  return nodes.test.database.runScript(
    `insert into auth_agent.denials (organization_id, kind, subject, created_at, expires_at)
     select 'org_root', 'grant', '${name}-' || n, now(), '${new Date(nodes.clock.now + 3_900_000).toISOString()}'
     from generate_series(1, ${MANY}) n`,
  )
}

it('of many that one transaction recorded, a node that starts reads all, page by page', async () => {
  await denyMany('old')
  const { readDenials } = denialStorage(nodes.test.database)
  const page = await readDenials('0', new Date(nodes.clock.now))
  expect(page.denials.length).toBeLessThan(MANY / 2)
  expect(page.last).toBeDefined()
  const node = await nodes.addNode()
  expect(await isActive(node, await issue(node, { grantId: 'new' }))).toBe(true)
  expect(node.denials.size).toBe(MANY)
  expect(await isActive(node, await issue(node, { grantId: `old-${MANY}` }))).toBe(false)
})

it('of many that come at once, a node that runs reads all within its second', async () => {
  const { b, clock } = nodes
  const first = await issue(b, { grantId: 'new-1' })
  const last = await issue(b, { grantId: `new-${MANY}` })
  expect(await isActive(b, first)).toBe(true)
  await denyMany('new')
  clock.advance(1)
  expect(await isActive(b, first)).toBe(false)
  expect(await isActive(b, last)).toBe(false)
})
