import { rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { main as build } from '../../scripts/build.ts'
import { environmentOf } from '../support/cluster.ts'
import { findFreePort, spawnMain } from '../support/main_process.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { DEVELOPMENT, type SetUp } from './set_up.ts'

/** One process of the built program, as `npm start` runs it. An empty variable counts as none. */
export async function startOneNode(variables: Readonly<Record<string, string>>): Promise<SetUp> {
  await build()
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const env: Record<string, string> = { ...environmentOf(port, issuer, ''), ...DEVELOPMENT, ...variables }
  const program = spawnMain(env)
  await program.started()
  const agent = new Agent({ keepAlive: true })
  const server = createRemoteServer(issuer, { port, agent })
  return {
    server,
    nodes: [server],
    async close() {
      agent.destroy()
      program.child.kill('SIGTERM')
      await program.ended
      await rm(env['DATA_DIR'] ?? '', { recursive: true, force: true })
    },
  }
}
