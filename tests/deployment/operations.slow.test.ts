import { beforeAll, describe, expect, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { itWhere } from '../support/it_where.ts'
import { runStatements } from './cluster.ts'
import { type Block, findBlock, readBlocks, statementsOf } from './document.ts'
import { type DocumentedDeployment, deployAsDocumented, type Node } from './documented_deployment.ts'
import { hasClients } from './has_clients.ts'

vi.setConfig({ testTimeout: 180_000 })

let sections: Map<string, Block[]>
beforeAll(async () => {
  sections = await readBlocks()
  await build()
})

const KEYS = '/.well-known/jwks.json'
interface KeySet {
  keys: { kid: string; alg: string }[]
}

const keysOf = async (node: Node) => ((await node.get(KEYS)) as KeySet).keys.map(({ kid }) => kid).toSorted()

/** A server, and an API key for it that asks whether it is known. */
async function registerServer(node: Node) {
  const server = { server_url: 'https://mcp.example.com/mcp', server_name: 'Files', scopes: ['read'] }
  const { server_id } = (await node.get('/api/servers', post(server))) as { server_id: string }
  const { key_secret } = (await node.get(`/api/servers/${server_id}/keys`, post({ name: 'key' }))) as {
    key_secret: string
  }
  return async (other: Node) => {
    const headers = {
      Authorization: `Bearer ${key_secret}`,
      'Content-Type': 'application/x-www-form-urlencoded',
    }
    return other.get('/introspect', { method: 'POST', headers, body: 'token=unknown' })
  }
}

const post = (body: object) => ({ method: 'POST', body: JSON.stringify(body) })

describe('the commands of DEPLOYMENT.md', () => {
  itWhere(hasClients)('back a deployment up, and restore it on a new PostgreSQL', async () => {
    const deployment = await deployAsDocumented(sections)
    const first = await deployment.serve()
    const introspect = await registerServer(first)
    const before = [await first.get('/api/servers'), await keysOf(first)]
    await first.stop()
    await deployment.shell.run(findBlock(sections, 'Backup and restore', 'pg_dump'))

    const superuser = await deployment.moveToNewCluster()
    const roles = deployment.fill(findBlock(sections, 'Backup and restore', 'create role'))
    await runStatements(superuser, statementsOf(roles))
    await deployment.shell.run(findBlock(sections, 'Backup and restore', '-f auth_agent.sql'))
    const second = await deployment.serve()
    expect([await second.get('/api/servers'), await keysOf(second)]).toEqual(before)
    expect(await introspect(second)).toEqual({ active: false })
    await second.stop()
    expect(await migrateAgain(deployment)).toBe('Nothing to migrate.\n')
  })

  itWhere(hasClients)('rotate the secret, and nothing dies of it', async () => {
    const deployment = await deployAsDocumented(sections)
    const steps = (sections.get('The secret') ?? []).map(({ text }) => text)
    expect(steps).toHaveLength(4)
    const first = await deployment.serve()
    const introspect = await registerServer(first)
    const keys = await keysOf(first)
    await first.stop()
    const former = deployment.shell.env['AUTH_AGENT_SECRET'] ?? ''
    for (const step of steps) {
      await deployment.shell.run(step)
      const node = await deployment.serve()
      expect([await keysOf(node), await introspect(node)]).toEqual([keys, { active: false }])
      await node.stop()
    }
    expect(deployment.shell.env['AUTH_AGENT_SECRET']).not.toContain(former)
    await expect(deployment.serve({ AUTH_AGENT_SECRET: former })).rejects.toThrow(/AUTH_AGENT_SECRET/)
  })

  itWhere(hasClients)('rotate the signing keys beside a node, and withdraw those that leaked', async () => {
    const deployment = await deployAsDocumented(sections)
    const node = await deployment.serve()
    const first = await keysOf(node)
    const inADay = findBlock(sections, 'Signing keys', 'rotate-signing-keys\n')
    expect(await deployment.shell.run(inADay)).toMatch(/^New signing keys are published; in a day/)
    const other = await deployment.serve()
    const both = await keysOf(other)
    expect(both).toHaveLength(2 * first.length)
    expect(both).toEqual(expect.arrayContaining(first))

    const atOnce = findBlock(sections, 'Signing keys', '--immediately')
    expect(await deployment.shell.run(atOnce)).toMatch(/^New signing keys are published; within a minute/)
    const [withdraw = ''] = statementsOf(
      findBlock(sections, 'Signing keys', 'update auth_agent.signing_keys'),
    )
    await runStatements(deployment.shell.env['MIGRATION_DATABASE_URL'] ?? '', [withdraw])
    await other.stop()
    const last = await deployment.serve()
    const left = await keysOf(last)
    expect(left.filter((kid) => both.includes(kid))).toEqual([])
    expect(left).toHaveLength(first.length)
    for (const each of [node, last]) await each.stop()
  })

  itWhere(hasClients)(
    'upgrade beside a node that serves, whose version starts again after a rollback',
    async () => {
      const deployment = await deployAsDocumented(sections)
      const node = await deployment.serve()
      const introspect = await registerServer(node)
      await deployment.shell.run(findBlock(sections, 'Upgrade and rollback', 'before_upgrade.sql'))
      await applyNextVersion(deployment)
      expect(await introspect(node)).toEqual({ active: false })
      await registerAnother(node)
      await node.stop()
      expect(await migrateAgain(deployment)).toBe('Nothing to migrate.\n')
      const rolledBack = await deployment.serve()
      expect(await introspect(rolledBack)).toEqual({ active: false })
      await rolledBack.stop()
    },
  )
})

/** A migration as the next version could bring it: it expands what is there. */
async function applyNextVersion({ shell }: DocumentedDeployment): Promise<void> {
  await runStatements(shell.env['MIGRATION_DATABASE_URL'] ?? '', [
    `alter table auth_agent.mcp_servers add column next_version text;
     alter table auth_agent.tokens add column next_version integer not null default 0;
     create table auth_agent.of_the_next_version (id text primary key);
     insert into auth_agent.schema_migrations (name) values ('29991231000000_next')`,
  ])
}

async function registerAnother(node: Node): Promise<void> {
  const server = { server_url: 'https://other.example.com/mcp', server_name: 'Other', scopes: ['read'] }
  expect(await node.get('/api/servers', post(server))).toMatchObject({ server_name: 'Other' })
}

function migrateAgain({ shell }: DocumentedDeployment): Promise<string> {
  return shell.run('DATABASE_URL="$MIGRATION_DATABASE_URL" node dist/node/main.js migrate')
}
