import { Agent } from 'node:http'
import { startLoadBalancer } from '../cluster/load_balancer.ts'
import { createRemoteServer } from '../cluster/remote_server.ts'
import { startTestWorker } from '../workers/workerd.ts'
import { describeFlow } from './flow.ts'
import { DEVELOPMENT } from './set_up.ts'

/** workerd takes a port of its own choice when it starts; the issuer has to be known before. */
describeFlow('workerd with PostgreSQL through Hyperdrive', async () => {
  const front = await startLoadBalancer()
  const issuer = `http://localhost:${front.port}`
  const worker = await startTestWorker({ vars: { ISSUER_URL: issuer, ...DEVELOPMENT } })
  front.servers = [worker.port]
  const agent = new Agent({ keepAlive: true })
  const server = createRemoteServer(issuer, { port: front.port, agent })
  return {
    server,
    nodes: [server],
    async close() {
      agent.destroy()
      await front.close()
      await worker.close()
    },
  }
})
