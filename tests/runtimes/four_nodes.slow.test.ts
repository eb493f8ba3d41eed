import { main as build } from '../../scripts/build.ts'
import { startFourServers } from '../support/cluster.ts'
import { describeFlow } from './flow.ts'
import { DEVELOPMENT } from './set_up.ts'

describeFlow('four Node processes behind a load balancer', async () => {
  await build()
  const { balanced, nodes, close } = await startFourServers(DEVELOPMENT)
  return { server: balanced, nodes, close }
})
