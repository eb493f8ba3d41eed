import { Agent } from 'node:http'
import { beforeAll, expect, onTestFinished, vi } from 'vitest'
import { main as build } from '../../scripts/build.ts'
import { ALL, giveOut, listGood } from '../keys/given_out.ts'
import { itWhere } from '../support/it_where.ts'
import { findFreePort, runMain } from '../support/main_process.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { ADMIN_TOKEN, type TestServer } from '../support/server.ts'
import { type Block, findBlock, readBlocks } from './document.ts'
import { type DocumentedDeployment, deployAsDocumented } from './documented_deployment.ts'
import { hasClients } from './has_clients.ts'

vi.setConfig({ testTimeout: 240_000 })

const OWNER = { email: 'you@example.com', password: 'plum-wagon-tundra-seven' }
const HEADING = 'Keys of purposes'

let sections: Map<string, Block[]>
beforeAll(async () => {
  sections = await readBlocks()
  await build()
})

itWhere(hasClients)(
  'the commands of "Keys of purposes" end what they say, beside nodes that go on',
  async () => {
    const { shell } = await deployAsDocumented(sections)
    const run = (part: string) => shell.run(findBlock(sections, HEADING, part))
    const [one, other] = [await startNode(shell), await startNode(shell)]
    const given = await giveOut(one, { person: OWNER })

    expect(await run('rotate-purpose-key refresh_token\n')).toMatch(
      /^There is a new key of refresh_token; in a day/,
    )
    await expect(run('withdraw-purpose-keys refresh_token')).rejects.toThrow(/is used from \S+ on/)
    await expect(shell.run('node dist/node/main.js rotate-purpose-key signing')).rejects.toThrow(
      'There is no purpose signing: name one of digest, refresh_token, client_id, client_secret, browser.',
    )
    await expect(run('--immediately')).resolves.toMatch(
      /^(There is a new key of \w+; within two minutes .*\n){4}$/,
    )
    // One that is started now uses the new keys; one that runs learns of them, and meanwhile takes what it knows.
    const third = await startNode(shell)
    const made = await giveOut(third, { person: OWNER, url: 'https://other.example.com/mcp' })
    expect(await listGood(other, given)).toEqual(ALL)
    expect(await listGood(third, given)).toEqual(ALL)
    await expect.poll(() => listGood(other, made), { timeout: 130_000, interval: 3_000 }).toEqual(ALL)
    expect(await listGood(other, given)).toEqual(ALL)

    await expect(run('withdraw-purpose-keys "$purpose"')).resolves.toMatch(
      /^(The former keys of \w+ are deleted; .*\n){4}$/,
    )
    const last = await startNode(shell)
    const left = ['an API key', 'the secret of a registered client', 'a session']
    expect(await listGood(last, given)).toEqual(left)
    expect(await listGood(last, made)).toEqual(ALL)
  },
)

async function startNode({ env }: DocumentedDeployment['shell']): Promise<TestServer> {
  const port = await findFreePort()
  const settings = { AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN, PBKDF2_ITERATIONS: '100000' }
  await runMain({ ...env, ...settings, PORT: String(port) }).started()
  const agent = new Agent({ keepAlive: false })
  onTestFinished(() => agent.destroy())
  return createRemoteServer(env['ISSUER_URL'] ?? '', { port, agent })
}
