import { Agent } from 'node:http'
import { findFreePort } from '../support/main_process.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { createRemoteServer } from '../support/remote_server.ts'
import { ADMIN_TOKEN } from '../support/server.ts'
import { startTcpRelay } from '../workers/tcp_relay.ts'
import { SECRETS } from '../workers/workerd/settings.ts'
import { startWranglerDev } from '../workers/wrangler_dev.ts'
import { describeFlow } from './flow.ts'
import { DEVELOPMENT } from './set_up.ts'

describeFlow('workerd with PostgreSQL through Hyperdrive', async () => {
  const database = await createTestDatabase()
  const relay = await startTcpRelay(database.url)
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  const dev = await startWranglerDev(port, relay.url, {
    ISSUER_URL: issuer,
    AUTH_AGENT_ADMIN_TOKEN: ADMIN_TOKEN,
    ...SECRETS,
    ...DEVELOPMENT,
  })
  const agent = new Agent({ keepAlive: true })
  const server = createRemoteServer(issuer, { port, agent })
  return {
    server,
    nodes: [server],
    async close() {
      agent.destroy()
      await dev.stop()
      await relay.close()
      await database.drop()
    },
  }
})
