import { describeFlow } from './flow.ts'
import { startOneNode } from './one_node.ts'

/** Its database and its secret are made in a DATA_DIR that was not there. */
describeFlow('Node with the embedded database', () =>
  startOneNode({ DATABASE_URL: '', AUTH_AGENT_SECRET: '' }),
)
